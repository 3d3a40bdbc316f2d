import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { FileSpoolFolder } from '../../src/store/file-spool.ts'
import { spoolContract } from '../contract/spool-contract.ts'
import { spoolOf } from '../support/blobs.ts'
import { fileStore } from '../support/file-store.ts'
import { bytesOf } from '../support/images.ts'
import { smallDisk } from '../support/small-disk.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

spoolContract('FileSpoolFolder', async () => {
  const files = await fileStore()
  return { ...files, elsewhere: files.folder }
})

describe('a folder of spool files', () => {
  it('clears what a crash left and nothing else', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'spool')
    await mkdir(path)
    const left = await new FileSpoolFolder(path).create(digestOf(Buffer.alloc(0)))
    await writeFile(join(path, 'README'), 'mine')
    await new FileSpoolFolder(path).clear()
    expect(await readdir(path)).toEqual(['README'])
    await left[Symbol.asyncDispose]()
  })

  it('tells apart the spools that are left from those that have an owner', async () => {
    await using folder = await temporaryFolder()
    const spools = new FileSpoolFolder(folder.path)
    await using owned = await spoolOf(spools, bytesOf('owned', 100))
    const moved = await spoolOf(spools, bytesOf('moved', 100))
    await moved.moveTo(join(folder.path, 'moved'))
    await moved[Symbol.asyncDispose]()
    const left = await spoolOf(new FileSpoolFolder(folder.path), bytesOf('left', 200))
    const name = basename(left.path)
    await left.sync()
    expect(await spools.leftovers()).toEqual([
      { name, sizeBytes: 200, reason: 'a spool without a fill' },
    ])
    await spools.removeLeftover(name)
    await spools.removeLeftover(name)
    expect(await spools.leftovers()).toEqual([])
    expect((await readdir(folder.path)).sort()).toEqual([basename(owned.path), 'moved'].sort())
    await left[Symbol.asyncDispose]()
  })

  it('says that its folder is gone', async () => {
    const spools = new FileSpoolFolder(join('/nonexistent', 'spool'))
    await expect(spools.create(digestOf(Buffer.alloc(0)))).rejects.toMatchObject({ kind: 'io' })
  })

  it('calls a file that lost bytes corrupt', async () => {
    await using files = await fileStore()
    await using spool = await spoolOf(files.spools, bytesOf('cut', 1_000))
    await truncate(spool.path, 500)
    expect(await spool.readAt(Buffer.alloc(1_000), 0)).toBe(500)
    await expect(spool.readAt(Buffer.alloc(1_000), 500)).rejects.toMatchObject({
      kind: 'corrupt',
    })
  })

  it('keeps what it has when the disk is full, and goes on when there is room', async (context) => {
    await using disk = await smallDisk(context, { sizeBytes: 1024 * 1024 })
    await using files = await fileStore(disk.path)
    const ballast = await spoolOf(files.spools, bytesOf('ballast', 500_000))
    await using spool = await spoolOf(files.spools, bytesOf('first', 100_000))
    const second = bytesOf('second', 600_000)
    await expect(spool.append(second)).rejects.toMatchObject({
      name: 'StoreError',
      kind: 'no-space',
    })
    expect(spool.sizeBytes).toBe(100_000)
    const copy = Buffer.alloc(100_000)
    expect(await spool.readAt(copy, 0)).toBe(100_000)
    expect(copy.equals(bytesOf('first', 100_000))).toBe(true)
    await ballast[Symbol.asyncDispose]()
    await spool.append(second)
    const rest = Buffer.alloc(600_000)
    expect(await spool.readAt(rest, 100_000)).toBe(600_000)
    expect(rest.equals(second)).toBe(true)
  })
})
