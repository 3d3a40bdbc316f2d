import { assert, maxSafeNat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/util/duration.ts'

describe('parseDuration', () => {
  test.each([
    ['250ms', 250],
    ['0s', 0],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['1d2h3m4s5ms', 93_784_005],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each(['', '5', 'm', '5 m', ' 5m', '5m ', '1.5h', '-5m', '+5m', '5M', '5min', '1w'])(
    'refuses "%s"',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  test('refuses units out of order or given twice', () => {
    expect(parseDuration('30m1h')).toBeUndefined()
    expect(parseDuration('1h1h')).toBeUndefined()
  })

  test('refuses what milliseconds cannot hold exactly', () => {
    expect(parseDuration('104249991d')).toBe(104_249_991 * 86_400_000)
    expect(parseDuration('104249992d')).toBeUndefined()
    expect(parseDuration(`${'9'.repeat(400)}d`)).toBeUndefined()
  })
})

test('what is formatted is read back', () => {
  assert(
    property(maxSafeNat(), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms)
    }),
  )
})

test('the text is in the largest units', () => {
  expect(formatDuration(5_400_000)).toBe('1h30m')
  expect(formatDuration(0)).toBe('0s')
})
