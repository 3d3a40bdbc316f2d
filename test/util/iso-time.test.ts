import { describe, expect, test } from 'vitest'
import { parseIsoTime } from '../../src/util/iso-time.ts'

describe('parseIsoTime', () => {
  test.each([
    ['2026-11-20', Date.UTC(2026, 10, 20)],
    ['2026-11-20T14:05Z', Date.UTC(2026, 10, 20, 14, 5)],
    ['2026-11-20 14:05:06z', Date.UTC(2026, 10, 20, 14, 5, 6)],
    ['2026-11-20T14:05:06.789+02:00', Date.UTC(2026, 10, 20, 12, 5, 6, 789)],
    ['2026-11-20T14:05', new Date(2026, 10, 20, 14, 5).getTime()],
    ['2026-11-20 14:05:06', new Date(2026, 10, 20, 14, 5, 6).getTime()],
  ])('reads %s', (text, atMs) => {
    expect(parseIsoTime(text)).toBe(atMs)
  })

  test.each([
    '',
    '1',
    'release 1',
    '2026',
    '2026-11',
    '20 Nov 2026',
    '2026-11-20T',
    '2026-11-20T14',
    '2026-13-01',
    '2026-11-20T25:00Z',
    ' 2026-11-20',
  ])('takes %j for no time', (text) => {
    expect(parseIsoTime(text)).toBeUndefined()
  })
})
