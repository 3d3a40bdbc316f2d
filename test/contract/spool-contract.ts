import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, it, describe } from 'vitest'
import { digestOf, encodedOf } from '../../src/oci/digest.ts'
import type { Spool, SpoolFolder } from '../../src/store/spool.ts'
import { bytesOf } from '../support/images.ts'

/** `elsewhere` is a folder on the same file system. */
export interface SpoolSubject extends AsyncDisposable {
  spools: SpoolFolder
  elsewhere: string
}

const bytes = bytesOf('spool', 300_000)
const digest = digestOf(bytes)

/** What every SpoolFolder keeps. */
export function spoolContract(name: string, make: () => Promise<SpoolSubject>): void {
  describe(`${name} is a spool folder`, () => {
    it('starts empty and says whose bytes it is for', async () => {
      await using subject = await make()
      await using spool = await subject.spools.create(digest)
      expect(spool.sizeBytes).toBe(0)
      expect(await spool.readAt(Buffer.alloc(10), 0)).toBe(0)
      expect(basename(spool.path)).toContain(encodedOf(digest))
    })

    it('keeps two spools of one digest apart', async () => {
      await using subject = await make()
      await using one = await subject.spools.create(digest)
      await using other = await subject.spools.create(digest)
      await one.append(Buffer.from('one'))
      await other.append(Buffer.from('other'))
      expect(await textOf(one)).toBe('one')
      expect(await textOf(other)).toBe('other')
    })

    it('gives many readers what was appended, each at its own place', async () => {
      await using subject = await make()
      await using spool = await subject.spools.create(digest)
      for (let at = 0; at < bytes.length; at += 70_000) {
        await spool.append(bytes.subarray(at, at + 70_000))
      }
      expect(spool.sizeBytes).toBe(bytes.length)
      const copies = await Promise.all(
        [1_000, 33_333, 300_000, 1_000_000].map((chunkBytes) => readInChunks(spool, chunkBytes)),
      )
      for (const copy of copies) expect(copy.equals(bytes)).toBe(true)
    })

    it('lets readers follow while it grows, and never past what was appended', async () => {
      await using subject = await make()
      await using spool = await subject.spools.create(digest)
      const append = spool.append(bytes)
      const early = Buffer.alloc(bytes.length)
      const count = await spool.readAt(early, 0)
      expect(early.subarray(0, count).equals(bytes.subarray(0, count))).toBe(true)
      await append
      expect(await spool.readAt(Buffer.alloc(10), bytes.length)).toBe(0)
      expect(await spool.readAt(Buffer.alloc(10), bytes.length + 5)).toBe(0)
    })

    it('keeps what a zero-length append leaves: nothing', async () => {
      await using subject = await make()
      await using spool = await subject.spools.create(digest)
      await spool.append(Buffer.alloc(0))
      expect(spool.sizeBytes).toBe(0)
    })

    it('has its bytes in the file once it is synced', async () => {
      await using subject = await make()
      await using spool = await subject.spools.create(digest)
      await spool.append(bytes)
      await spool.sync()
      expect((await readFile(spool.path)).equals(bytes)).toBe(true)
    })

    it('removes its file when it is disposed, twice too', async () => {
      await using subject = await make()
      const spool = await subject.spools.create(digest)
      await spool.append(bytes)
      await spool[Symbol.asyncDispose]()
      await spool[Symbol.asyncDispose]()
      await expect(stat(spool.path)).rejects.toThrow('ENOENT')
      await expect(spool.readAt(Buffer.alloc(10), 0)).rejects.toMatchObject({ kind: 'io' })
      await expect(spool.append(bytes)).rejects.toMatchObject({ kind: 'io' })
    })

    it('lets a read that is under way end before it closes', async () => {
      await using subject = await make()
      const spool = await subject.spools.create(digest)
      await spool.append(bytes)
      const into = Buffer.alloc(bytes.length)
      const [count] = await Promise.all([spool.readAt(into, 0), spool[Symbol.asyncDispose]()])
      expect(into.subarray(0, count).equals(bytes.subarray(0, count))).toBe(true)
      expect(count).toBeGreaterThan(0)
    })

    it('goes on as before when its file is moved, and leaves it there', async () => {
      await using subject = await make()
      const spool = await subject.spools.create(digest)
      const old = spool.path
      const target = join(subject.elsewhere, 'moved')
      await spool.append(bytes.subarray(0, 100_000))
      await spool.moveTo(target)
      expect(spool.path).toBe(target)
      await spool.append(bytes.subarray(100_000))
      expect((await readInChunks(spool, 65_536)).equals(bytes)).toBe(true)
      await spool[Symbol.asyncDispose]()
      expect((await readFile(target)).equals(bytes)).toBe(true)
      await expect(stat(old)).rejects.toThrow('ENOENT')
    })

    it('stays where it is when it cannot be moved', async () => {
      await using subject = await make()
      await using spool = await subject.spools.create(digest)
      await spool.append(bytes)
      const nowhere = join(subject.elsewhere, 'no', 'such', 'folder')
      await expect(spool.moveTo(nowhere)).rejects.toMatchObject({ kind: 'io' })
      expect((await readFile(spool.path)).equals(bytes)).toBe(true)
    })
  })
}

async function readInChunks(spool: Spool, chunkBytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let position = 0; ;) {
    const part = Buffer.alloc(chunkBytes)
    const count = await spool.readAt(part, position)
    if (count === 0) return Buffer.concat(parts)
    parts.push(part.subarray(0, count))
    position += count
  }
}

async function textOf(spool: Spool): Promise<string> {
  return (await readInChunks(spool, 100)).toString()
}
