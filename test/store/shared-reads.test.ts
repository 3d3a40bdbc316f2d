import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ByteRange } from '../../src/oci/range.ts'
import type { BlobReader } from '../../src/store/blob-store.ts'
import { SharedReads } from '../../src/store/shared-reads.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { blobOf } from '../support/blobs.ts'
import { caught } from '../support/caught.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import { isPending } from '../support/turns.ts'

const CHUNK_BYTES = 100
const bytes = bytesOf('layer', 1_050)
const { digest } = blobOf(bytes)

/** What is shared, as S3 would give it: in portions of at most 60 bytes, which `gate` may hold back. */
class Origin {
  opened = 0
  disposed = 0
  isGone = false
  gate: Gate | undefined
  failure: StoreError | undefined

  open(range: ByteRange | undefined): Promise<BlobReader | undefined> {
    if (this.isGone) return Promise.resolve(undefined)
    this.opened++
    let position = range?.first ?? 0
    const end = range ? range.last + 1 : bytes.length
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => {})
    return Promise.resolve({
      sizeBytes: bytes.length,
      read: async (into: Uint8Array) => {
        await Promise.race([this.gate?.pass(), ended.promise])
        if (this.failure) throw this.failure
        const part = bytes.subarray(position, Math.min(end, position + 60, position + into.length))
        into.set(part)
        position += part.length
        return part.length
      },
      [Symbol.asyncDispose]: () => {
        this.disposed++
        ended.reject(new StoreError('io', 'disposed'))
        return Promise.resolve()
      },
    })
  }
}

function subject(capBytes = 4 * CHUNK_BYTES) {
  const origin = new Origin()
  const reads = new SharedReads((_, range) => origin.open(range), {
    chunkBytes: CHUNK_BYTES,
    capBytes,
  })
  const open = async (range?: ByteRange) => {
    const reader = await reads.open(digest, range)
    if (!reader) throw new Error('there is no such blob')
    return reader
  }
  return { origin, reads, open }
}

/** Reads up to `count` bytes, or to the end. */
async function take(reader: BlobReader, count = Infinity): Promise<Buffer> {
  const parts: Buffer[] = []
  let left = count
  while (left > 0) {
    const into = Buffer.alloc(Math.min(left, 70))
    const read = await reader.read(into)
    if (read === 0) break
    parts.push(into.subarray(0, read))
    left -= read
  }
  return Buffer.concat(parts)
}

describe('shared reads', () => {
  it('have a blob come once for all who read it at once', async () => {
    const { origin, open } = subject()
    const readers = await Promise.all(Array.from({ length: 5 }, () => open()))
    const read = await Promise.all(readers.map((reader) => take(reader)))
    expect(read.every((all) => all.equals(bytes))).toBe(true)
    expect(origin.opened).toBe(1)
    for (const reader of readers) {
      expect(origin.disposed).toBe(0)
      await reader[Symbol.asyncDispose]()
    }
    expect(origin.disposed).toBe(1)
  })

  it('are joined by who comes while the bytes that it wants are in memory', async () => {
    const { origin, open } = subject(4 * bytes.length)
    await using ahead = await open()
    await take(ahead, 350)
    await using late = await open()
    await using inside = await open({ first: 120, last: 500 })
    expect((await take(inside)).equals(bytes.subarray(120, 501))).toBe(true)
    expect((await take(late)).equals(bytes)).toBe(true)
    expect((await take(ahead)).equals(bytes.subarray(350))).toBe(true)
    expect(origin.opened).toBe(1)
  })

  it('are begun anew where those bytes are gone, or more is wanted than comes', async () => {
    const { origin, open } = subject()
    await using ahead = await open({ first: 0, last: 799 })
    await using beside = await open({ first: 0, last: 799 })
    await Promise.all([take(ahead, 750), take(beside, 750)])
    await using late = await open({ first: 0, last: 799 })
    expect((await take(late, 90)).equals(bytes.subarray(0, 90))).toBe(true)
    expect(origin.opened).toBe(2)
    await using longer = await open({ first: 745, last: 800 })
    expect((await take(longer)).equals(bytes.subarray(745, 801))).toBe(true)
    expect(origin.opened).toBe(3)
  })

  it('are over for who has been alone for long, with the one request', async () => {
    const { origin, open } = subject()
    await using lone = await open()
    const begun = await take(lone, 250)
    await using late = await open()
    expect(Buffer.concat([begun, await take(lone)]).equals(bytes)).toBe(true)
    expect(origin.opened).toBe(2)
    expect((await take(late)).equals(bytes)).toBe(true)
    expect(origin.opened).toBe(2)
  })

  it('are not over while somebody else’s bytes are coming', async () => {
    const { origin, open } = subject()
    await using one = await open()
    const other = await open()
    await Promise.all([take(one, 160), take(other, 160)])
    const gate = (origin.gate = new Gate())
    const left = caught(take(other))
    await gate.reached
    await other[Symbol.asyncDispose]()
    await left
    const rest = take(one)
    gate.open()
    expect((await rest).equals(bytes.subarray(160))).toBe(true)
    expect(origin.opened).toBe(1)
  })

  it('do not wait for who is slow, which reads on alone', async () => {
    const { origin, open } = subject()
    await using slow = await open()
    await using fast = await open()
    const begun = await take(slow, 30)
    expect((await take(fast)).equals(bytes)).toBe(true)
    expect(origin.opened).toBe(1)
    expect(Buffer.concat([begun, await take(slow)]).equals(bytes)).toBe(true)
    expect(origin.opened).toBe(2)
  })

  it('go on for others when one leaves while it waits', async () => {
    const { origin, open } = subject()
    const gate = (origin.gate = new Gate())
    const leaving = await open()
    await using staying = await open()
    const left = caught(take(leaving))
    const stayed = take(staying)
    await gate.reached
    await leaving[Symbol.asyncDispose]()
    expect(await left).toBeInstanceOf(StoreError)
    expect(await isPending(stayed)).toBe(true)
    gate.open()
    expect((await stayed).equals(bytes)).toBe(true)
    expect(origin).toMatchObject({ opened: 1, disposed: 0 })
  })

  it('end when the last leaves, even while it waits', async () => {
    const { origin, open } = subject()
    origin.gate = new Gate()
    const reader = await open()
    const read = caught(take(reader))
    await origin.gate.reached
    await reader[Symbol.asyncDispose]()
    expect(await read).toBeInstanceOf(StoreError)
    expect(origin).toMatchObject({ opened: 1, disposed: 1 })
    origin.gate = undefined
    await using next = await open()
    expect((await take(next)).equals(bytes)).toBe(true)
    expect(origin.opened).toBe(2)
  })

  it('fail for all who wait, and not for who comes then', async () => {
    const { origin, open } = subject()
    await using one = await open()
    await using other = await open()
    origin.failure = new StoreError('io', 'S3 is down')
    expect(await Promise.all([caught(take(one)), caught(take(other))])).toEqual([
      origin.failure,
      origin.failure,
    ])
    origin.failure = undefined
    await using next = await open()
    expect((await take(next)).equals(bytes)).toBe(true)
    expect(origin.opened).toBe(2)
  })

  it('are not joined once the blob is gone, and stay good', async () => {
    const { origin, reads, open } = subject()
    await using before = await open()
    origin.isGone = true
    reads.leaveAlone([digest])
    await expect(reads.open(digest)).resolves.toBeUndefined()
    expect((await take(before)).equals(bytes)).toBe(true)
  })

  it('that are being opened when the blob is deleted are joined by nobody else', async () => {
    const { origin, reads, open } = subject()
    const opening = open()
    reads.leaveAlone([digest])
    await using before = await opening
    origin.isGone = true
    await expect(reads.open(digest)).resolves.toBeUndefined()
    expect((await take(before)).equals(bytes)).toBe(true)
  })

  it('take no more memory than they may: what does not fit is read alone', async () => {
    const { origin, open } = subject(2 * CHUNK_BYTES)
    await using stack = new AsyncDisposableStack()
    const ranges = [0, 200, 400, 600].map((first) => ({ first, last: first + 299 }))
    const readers = []
    for (const range of ranges) readers.push(stack.use(await open(range)))
    for (const [index, reader] of readers.entries()) {
      const { first, last } = ranges[index]!
      expect((await take(reader)).equals(bytes.subarray(first, last + 1))).toBe(true)
    }
    expect(origin.opened).toBe(4)
  })

  it('give everybody the right bytes, however they come, read and leave', async () => {
    const visit = fc.record({
      first: fc.integer({ min: 0, max: bytes.length - 1 }),
      lengthBytes: fc.integer({ min: 1, max: bytes.length }),
      afterTurns: fc.nat(30),
      portionBytes: fc.integer({ min: 1, max: 250 }),
      leavesAfter: fc.option(fc.nat(6), { nil: Infinity }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(visit, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 12 }),
        async (visits, chunks) => {
          const { origin, open } = subject(chunks * CHUNK_BYTES)
          await Promise.all(
            visits.map(async ({ first, lengthBytes, afterTurns, portionBytes, leavesAfter }) => {
              for (let turn = 0; turn < afterTurns; turn++) await Promise.resolve()
              const last = Math.min(first + lengthBytes, bytes.length) - 1
              await using reader = await open({ first, last })
              let position = first
              for (let reads = 0; reads < leavesAfter && position <= last; reads++) {
                const into = Buffer.alloc(portionBytes)
                const count = await reader.read(into)
                expect(count).toBeGreaterThan(0)
                const wanted = bytes.subarray(position, position + count)
                expect(into.subarray(0, count).equals(wanted)).toBe(true)
                position += count
                expect(position).toBeLessThanOrEqual(last + 1)
              }
            }),
          )
          expect(origin.disposed).toBe(origin.opened)
        },
      ),
      { seed: 20_26_11_21, numRuns: 300 },
    )
  })
})
