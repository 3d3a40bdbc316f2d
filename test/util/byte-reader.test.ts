import { assert, asyncProperty, integer, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { readAll, readerOf } from '../../src/util/byte-reader.ts'

test('what is read in pieces of any size is what was there', async () => {
  await assert(
    asyncProperty(uint8Array(), integer({ min: 1, max: 20 }), async (bytes, size) => {
      await using reader = readerOf(bytes)
      const pieces: Buffer[] = []
      for (;;) {
        const piece = Buffer.alloc(size)
        const count = await reader.read(piece)
        if (count === 0) break
        pieces.push(piece.subarray(0, count))
      }
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
    }),
  )
})

test('all of it is read up to the limit, which may be met exactly', async () => {
  const bytes = Buffer.alloc(200_000, 'entrepot')
  expect(Buffer.from(await readAll(readerOf(bytes), bytes.length)).equals(bytes)).toBe(true)
})

test('one byte more than the limit is too much', async () => {
  await expect(readAll(readerOf(Buffer.alloc(101)), 100)).rejects.toThrow(RangeError)
})

test('nothing is read from nothing', async () => {
  expect(await readAll(readerOf(new Uint8Array()), 0)).toHaveLength(0)
})
