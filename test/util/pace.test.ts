import { expect, test } from 'vitest'
import { Pace } from '../../src/util/pace.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { isPending } from '../support/turns.ts'

const never = new AbortController().signal

/** Takes units until `ms` have passed; returns how many were taken. */
async function takenIn(pace: Pace, clock: FakeClock, ms: number, units: number): Promise<number> {
  const endMs = clock.now() + ms
  let taken = 0
  while (clock.now() < endMs) {
    const taking = pace.take(units, never)
    while (await isPending(taking)) clock.advance(1)
    taken += units
  }
  return taken
}

test('units are spread over time', async () => {
  const clock = new FakeClock()
  const pace = new Pace(clock, 1000)
  const taken = await takenIn(pace, clock, 1000, 50)
  expect(taken).toBeGreaterThanOrEqual(1000)
  expect(taken).toBeLessThanOrEqual(1200)
})

test('who falls behind makes up for a little of it', async () => {
  const clock = new FakeClock()
  const pace = new Pace(clock, 1000)
  await takenIn(pace, clock, 200, 50)
  clock.advance(3_600_000)
  const taken = await takenIn(pace, clock, 500, 50)
  expect(taken).toBeGreaterThanOrEqual(550)
  expect(taken).toBeLessThanOrEqual(700)
})

test('more at once than a second has is had, and waited for afterwards', async () => {
  const clock = new FakeClock()
  const pace = new Pace(clock, 1000)
  await pace.take(10_000, never)
  const next = pace.take(1, never)
  clock.advance(9_800)
  expect(await isPending(next)).toBe(true)
  clock.advance(200)
  await next
})

test('the wait ends with the signal', async () => {
  const clock = new FakeClock()
  const pace = new Pace(clock, 1)
  await pace.take(10, never)
  const leaving = new AbortController()
  const waiting = caught(pace.take(1, leaving.signal))
  leaving.abort(new Error('gone'))
  expect(await waiting).toMatchObject({ message: 'gone' })
  expect(clock.sleeping).toBe(0)
  expect(await caught(pace.take(1, leaving.signal))).toMatchObject({ message: 'gone' })
})
