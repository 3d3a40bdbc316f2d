import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../src/util/backoff.ts'

describe('backoffMs', () => {
  it('doubles its bound with each attempt, up to a limit', () => {
    const longest = { baseMs: 100, maxMs: 1000, random: () => 1 }
    const pauses = [1, 2, 3, 4, 5, 2000].map((attempt) => backoffMs(attempt, longest))
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000])
  })

  it('takes any part of the bound', () => {
    expect(backoffMs(2, { baseMs: 100, random: () => 0.25 })).toBe(50)
    expect(backoffMs(2, { baseMs: 100, random: () => 0 })).toBe(0)
  })
})
