import { assert, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ageText, countText, sizeText } from '../../src/cli/format.ts'

describe('sizes', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1024, '1.00 KiB'],
    [10 * 1024, '10.0 KiB'],
    [100 * 1024, '100 KiB'],
    [999.4 * 1024, '999 KiB'],
    [999.6 * 1024, '0.98 MiB'],
    [1.21 * 1024 ** 3, '1.21 GiB'],
    [50 * 1024 ** 3, '50.0 GiB'],
    [5000 * 1024 ** 5, '5000 PiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text)
  })

  test('have no more than three digits', () => {
    assert(
      property(integer({ min: 0, max: 2 ** 50 }), (bytes) => {
        expect(sizeText(bytes)).toMatch(/^(\d{1,3}|\d\d?\.\d|\d\.\d\d) [KMGTP]?i?B$/)
      }),
    )
  })
})

test('counts agree with their word', () => {
  expect(countText(0, 'image')).toBe('0 images')
  expect(countText(1, 'image')).toBe('1 image')
  expect(countText(1_234_567, 'entry', 'entries')).toBe('1,234,567 entries')
})

describe('ages', () => {
  const nowMs = Date.parse('2026-03-10T12:00:00Z')

  test.each([
    ['2026-03-10T12:00:00Z', '0s'],
    ['2026-03-10T11:59:01Z', '59s'],
    ['2026-03-10T11:58:59Z', '1m'],
    ['2026-03-10T00:00:00Z', '12h'],
    ['2026-01-10T12:00:00Z', '59d'],
  ])('%s was %s ago', (iso, text) => {
    expect(ageText(iso, nowMs)).toBe(text)
  })

  test('a clock that is behind makes no negative ones', () => {
    expect(ageText('2026-03-10T12:00:05Z', nowMs)).toBe('0s')
  })
})
