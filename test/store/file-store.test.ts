import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Digest, digestOf, encodedOf } from '../../src/oci/digest.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { quarantineContract } from '../contract/quarantine-contract.ts'
import { blobOf, bytesIn, putBytes, statsOf } from '../support/blobs.ts'
import { fileStore } from '../support/file-store.ts'
import { bytesOf } from '../support/images.ts'
import { smallDisk } from '../support/small-disk.ts'

blobStoreContract('FileStore', () => fileStore())
quarantineContract('FileStore', () => fileStore())

const bytes = bytesOf('blob', 100_000)

describe('blobs as files', () => {
  it('finds them again after a restart', async () => {
    await using files = await fileStore()
    const blob = await putBytes(files.store, files.spools, bytes)
    await using again = await fileStore(files.folder)
    expect((await bytesIn(again.store, blob))?.equals(bytes)).toBe(true)
  })

  it('leaves no spool behind, put or aborted', async () => {
    await using files = await fileStore()
    await putBytes(files.store, files.spools, bytes)
    const aborted = AbortSignal.abort(new Error('gone'))
    await expect(putBytes(files.store, files.spools, bytes, aborted)).rejects.toThrow('gone')
    expect(await readdir(join(files.folder, 'spool'))).toEqual([])
  })

  it('calls a blob that lost bytes corrupt, also while it is being read', async () => {
    await using files = await fileStore()
    const { digest, sizeBytes } = await putBytes(files.store, files.spools, bytes)
    await using reader = await files.store.open(digest)
    await truncate(pathOf(files.folder, digest), 60_000)
    await expect(readAll(reader!, sizeBytes)).rejects.toMatchObject({ kind: 'corrupt' })
    const beyond = bytesIn(files.store, { digest, sizeBytes }, { first: 70_000, last: 79_999 })
    await expect(beyond).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('heals a blob that went bad when it is put again', async () => {
    await using files = await fileStore()
    const blob = await putBytes(files.store, files.spools, bytes)
    await writeFile(pathOf(files.folder, blob.digest), 'bad')
    await putBytes(files.store, files.spools, bytes)
    expect((await bytesIn(files.store, blob))?.equals(bytes)).toBe(true)
  })

  it('tells which of many it could not delete, and deletes the others', async () => {
    await using files = await fileStore()
    const stuck = digestOf(bytes)
    await mkdir(pathOf(files.folder, stuck), { recursive: true })
    const { digest } = await putBytes(files.store, files.spools, bytesOf('other', 10))
    expect(await files.store.delete([stuck, digest])).toEqual([
      {
        digest: stuck,
        error: expect.objectContaining({ name: 'StoreError', kind: 'io' }) as Error,
      },
    ])
    expect(await files.store.stat(digest)).toBeUndefined()
  })

  it('lists nothing that is not a blob', async () => {
    await using files = await fileStore()
    const blob = await putBytes(files.store, files.spools, bytes)
    const shard = dirname(pathOf(files.folder, blob.digest))
    await writeFile(join(shard, `${encodedOf(blob.digest)}.part`), 'half')
    const stray = join(files.folder, 'blobs', 'sha256', 'zz')
    await mkdir(stray)
    await writeFile(join(stray, encodedOf(blob.digest).replace(/^../, 'ff')), 'misplaced')
    const stats = await statsOf(files.store)
    expect(stats).toEqual([{ digest: blob.digest, sizeBytes: bytes.length }])
  })

  it('sets aside what it has, byte for byte, and knows of it after a restart', async () => {
    await using files = await fileStore()
    const blob = await putBytes(files.store, files.spools, bytes)
    await truncate(pathOf(files.folder, blob.digest), 60_000)
    await files.store.quarantine(blob.digest, 1_000)
    const aside = join(files.folder, 'quarantine', blob.digest.replace(':', '-'))
    expect((await readFile(aside)).equals(bytes.subarray(0, 60_000))).toBe(true)
    await writeFile(join(files.folder, 'quarantine', 'README'), 'mine')
    await using again = await fileStore(files.folder)
    expect(await Array.fromAsync(again.store.quarantined())).toEqual([
      { digest: blob.digest, sizeBytes: 60_000, sinceMs: 1_000 },
    ])
  })

  it('goes on after somebody removed its folder', async () => {
    await using files = await fileStore()
    await putBytes(files.store, files.spools, bytes)
    await rm(join(files.folder, 'blobs'), { recursive: true })
    expect(await files.store.stat(blobOf(bytes).digest)).toBeUndefined()
    await expect(putBytes(files.store, files.spools, bytes)).rejects.toMatchObject({ kind: 'io' })
    const blob = await putBytes(files.store, files.spools, bytes)
    expect((await bytesIn(files.store, blob))?.equals(bytes)).toBe(true)
  })

  it('shows nothing of a blob for which there is no room, and takes it later', async (context) => {
    // The folder, blobs/sha256/ab and one blob with its spool: the second shard does not fit.
    await using disk = await smallDisk(context, { sizeBytes: 1024 * 1024, maxFiles: 7 })
    await using files = await fileStore(disk.path)
    const first = await putBytes(files.store, files.spools, bytes)
    const other = bytesOf('other', 100_000)
    await expect(putBytes(files.store, files.spools, other)).rejects.toMatchObject({
      name: 'StoreError',
      kind: 'no-space',
    })
    expect(await files.store.stat(blobOf(other).digest)).toBeUndefined()
    await rm(dirname(pathOf(disk.path, first.digest)), { recursive: true })
    const second = await putBytes(files.store, files.spools, other)
    expect((await bytesIn(files.store, second))?.equals(other)).toBe(true)
  })
})

function pathOf(folder: string, digest: Digest): string {
  const encoded = encodedOf(digest)
  return join(folder, 'blobs', 'sha256', encoded.slice(0, 2), encoded)
}
