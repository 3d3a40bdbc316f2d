import { expect, test } from 'vitest'
import { Rate } from '../../src/util/rate.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('is what came in the last seconds, a second', () => {
  const clock = new FakeClock()
  const rate = new Rate(clock)
  for (let second = 0; second < 60; second++) {
    rate.add(second < 30 ? 900 : 200)
    clock.advance(1000)
  }
  expect(rate.perSecond).toBe(200)
})

test('of the first moments is no flood', () => {
  const clock = new FakeClock()
  const rate = new Rate(clock)
  expect(rate.perSecond).toBe(0)
  rate.add(1000)
  clock.advance(1)
  expect(rate.perSecond).toBe(1000)
  clock.advance(1999)
  expect(rate.perSecond).toBe(500)
})

test('is nothing where nothing comes any more', () => {
  const clock = new FakeClock()
  const rate = new Rate(clock)
  rate.add(1000)
  clock.advance(4_999)
  expect(rate.perSecond).toBeGreaterThan(0)
  clock.advance(1)
  expect(rate.perSecond).toBe(0)
})

test('outlives a clock that is set back or far ahead', () => {
  const clock = new FakeClock()
  const rate = new Rate(clock)
  rate.add(1000)
  clock.advance(-3_600_000)
  rate.add(1000)
  expect(rate.perSecond).toBeGreaterThan(0)
  clock.advance(9 * 3_600_000)
  expect(rate.perSecond).toBe(0)
  rate.add(500)
  expect(rate.perSecond).toBeGreaterThan(0)
})
