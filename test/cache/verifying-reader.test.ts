import { createHash } from 'node:crypto'
import { assert, asyncProperty, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heldBackFrom, VerifyingReader } from '../../src/cache/verifying-reader.ts'
import { digestOf, finishDigest } from '../../src/oci/digest.ts'
import { readerOf } from '../../src/util/byte-reader.ts'
import { caught } from '../support/caught.ts'
import { bytesOf } from '../support/images.ts'
import { drained } from './fill-rig.ts'

const bytes = bytesOf('blob', 20_000)
const wrong = new Error('wrong bytes')

/** Reads `given` from `position` on where `expected` is right. */
function readerFrom(given: Buffer, expected: Buffer, position = 0): VerifyingReader {
  return new VerifyingReader(readerOf(given.subarray(position)), {
    sizeBytes: expected.length,
    position,
    hash: createHash('sha256').update(expected.subarray(0, position)),
    verify: (hash) => {
      if (finishDigest('sha256', hash) !== digestOf(expected)) throw wrong
    },
  })
}

describe('a verifying reader', () => {
  it('gives right bytes whole, whatever their size, the start and the pace', async () => {
    await assert(
      asyncProperty(
        integer({ min: 0, max: bytes.length }),
        integer({ min: 0, max: bytes.length }),
        integer({ min: 1, max: 9000 }),
        async (size, start, portionBytes) => {
          const content = bytes.subarray(0, size)
          const position = Math.min(start, heldBackFrom(size))
          const reading = await drained(readerFrom(content, content, position), portionBytes)
          expect(reading.error).toBeUndefined()
          expect(reading.bytes.equals(content.subarray(position))).toBe(true)
        },
      ),
    )
  })

  it('keeps the end of wrong bytes to itself, wherever they are wrong', async () => {
    await assert(
      asyncProperty(
        integer({ min: 1, max: bytes.length }),
        integer({ min: 0, max: bytes.length - 1 }),
        integer({ min: 1, max: 9000 }),
        async (size, flipAt, portionBytes) => {
          const given = Buffer.from(bytes.subarray(0, size))
          given[flipAt % size]! ^= 1
          const reading = await drained(readerFrom(given, bytes.subarray(0, size)), portionBytes)
          expect(reading.error).toBe(wrong)
          expect(reading.bytes.length).toBe(heldBackFrom(size))
        },
      ),
    )
  })

  it('verifies what it has not read itself', async () => {
    const given = Buffer.from(bytes)
    given[100]! ^= 1
    const reader = new VerifyingReader(readerOf(bytes.subarray(5000)), {
      sizeBytes: bytes.length,
      position: 5000,
      hash: createHash('sha256').update(given.subarray(0, 5000)),
      verify: (hash) => {
        if (finishDigest('sha256', hash) !== digestOf(bytes)) throw wrong
      },
    })
    expect((await drained(reader)).error).toBe(wrong)
  })

  it('gives nothing either when it is asked again', async () => {
    const given = Buffer.from(bytes.subarray(0, 100))
    given[0]! ^= 1
    const reader = readerFrom(given, bytes.subarray(0, 100))
    expect(await caught(reader.read(Buffer.alloc(100)))).toBe(wrong)
    expect(await caught(reader.read(Buffer.alloc(100)))).toBeInstanceOf(Error)
  })

  it('fails where the bytes end too early', async () => {
    const reading = await drained(readerFrom(bytes.subarray(0, 17_000), bytes))
    expect(reading.error).toBeInstanceOf(RangeError)
  })
})
