import { assert, maxSafeNat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatByteSize, parseByteSize } from '../../src/util/byte-size.ts'

describe('parseByteSize', () => {
  test.each([
    ['0B', 0],
    ['512B', 512],
    ['1KiB', 1024],
    ['50MiB', 52_428_800],
    ['1.5MiB', 1_572_864],
    ['50GiB', 53_687_091_200],
    ['0.25TiB', 274_877_906_944],
  ])('reads %s', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes)
  })

  test.each(['', '5', 'GiB', '5 GiB', ' 5GiB', '-5GiB', '.5GiB', '5.GiB', '5gib', '5GB', '5G'])(
    'refuses "%s"',
    (text) => {
      expect(parseByteSize(text)).toBeUndefined()
    },
  )

  test('refuses parts of a byte and what a number cannot hold exactly', () => {
    expect(parseByteSize('0.5B')).toBeUndefined()
    expect(parseByteSize('8191TiB')).toBe(8191 * 1024 ** 4)
    expect(parseByteSize('8192TiB')).toBeUndefined()
    expect(parseByteSize(`${'9'.repeat(400)}B`)).toBeUndefined()
  })
})

test('what is formatted is read back', () => {
  assert(
    property(maxSafeNat(), (bytes) => {
      expect(parseByteSize(formatByteSize(bytes))).toBe(bytes)
    }),
  )
})

test('the text is in the largest unit that is exact', () => {
  expect(formatByteSize(50 * 1024 ** 3)).toBe('50GiB')
  expect(formatByteSize(1_572_864)).toBe('1536KiB')
  expect(formatByteSize(1025)).toBe('1025B')
  expect(formatByteSize(0)).toBe('0B')
})
