import { assert, integer, nat, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  parseRange,
  rangeLength,
  resolveRange,
  UnsatisfiableRangeError,
  wholeRange,
} from '../../src/oci/range.ts'

describe('reading the header', () => {
  test.each([
    ['bytes=0-', { first: 0 }],
    ['bytes=2-5', { first: 2, last: 5 }],
    ['BYTES= 7-7 ', { first: 7, last: 7 }],
    ['bytes=-3', { suffixBytes: 3 }],
  ])('%s', (header, spec) => {
    expect(parseRange(header)).toEqual(spec)
  })

  test.each([
    'bytes=',
    'bytes=-',
    'bytes=0-1,3-4',
    'bytes=a-b',
    'bytes=0x1-',
    'items=0-1',
    'bytes 0-1',
    'bytes=1e3-',
    'bytes=9999999999999999-',
  ])('%s is ignored', (header) => {
    expect(parseRange(header)).toBeUndefined()
  })

  test('any text is read or ignored', () => {
    assert(
      property(string(), (text) => {
        parseRange(`bytes=${text}`)
      }),
    )
  })
})

describe('against a size', () => {
  test('a range that ends before it begins has none', () => {
    expect(() => resolveRange(parseRange('bytes=5-2')!, 10)).toThrow(UnsatisfiableRangeError)
  })

  test('a range within the content has the bytes asked for', () => {
    assert(
      property(nat(1000), nat(1000), integer({ min: 1, max: 1000 }), (first, more, size) => {
        const spec = { first, last: first + more }
        if (first >= size) {
          expect(() => resolveRange(spec, size)).toThrow(UnsatisfiableRangeError)
          return
        }
        const range = resolveRange(spec, size)
        expect(range.first).toBe(first)
        expect(range.last).toBe(Math.min(first + more, size - 1))
        expect(rangeLength(range)).toBe(Math.min(more + 1, size - first))
      }),
    )
  })

  test('a suffix is the end of the content, all of it where it is short', () => {
    expect(resolveRange({ suffixBytes: 3 }, 10)).toEqual({ first: 7, last: 9 })
    expect(resolveRange({ suffixBytes: 30 }, 10)).toEqual({ first: 0, last: 9 })
  })

  test('an open end goes to the last byte', () => {
    expect(resolveRange({ first: 4 }, 10)).toEqual({ first: 4, last: 9 })
  })

  test('an empty suffix and empty content cannot be satisfied', () => {
    expect(() => resolveRange({ suffixBytes: 0 }, 10)).toThrow(UnsatisfiableRangeError)
    expect(() => resolveRange({ suffixBytes: 5 }, 0)).toThrow(UnsatisfiableRangeError)
    expect(() => resolveRange({ first: 0 }, 0)).toThrow(new UnsatisfiableRangeError(0))
  })

  test('the whole has the length of the content, none included', () => {
    expect(rangeLength(wholeRange(10))).toBe(10)
    expect(rangeLength(wholeRange(0))).toBe(0)
  })
})
