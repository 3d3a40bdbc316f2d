import { expect, it } from 'vitest'
import { retryAfterMs } from '../../src/upstream/retry-after.ts'

const NOW_MS = Date.UTC(2026, 0, 1)

it.each([
  ['seconds', '120', 120_000],
  ['none at all', '0', 0],
  ['a date', 'Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['a date that is past', 'Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['what is neither', 'soon', undefined],
  ['a negative number', '-5', undefined],
  ['nothing', undefined, undefined],
])('Retry-After: %s', (_, header, expected) => {
  const headers = header === undefined ? {} : { 'retry-after': header }
  expect(retryAfterMs(headers, NOW_MS)).toBe(expected)
})
