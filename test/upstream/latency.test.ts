import { expect, test } from 'vitest'
import { Latency } from '../../src/upstream/latency.ts'

test('is not known before there was an answer', () => {
  expect(new Latency().summary()).toBeUndefined()
})

test('is that in the middle, and that of the slow ones', () => {
  const latency = new Latency()
  latency.add(7)
  expect(latency.summary()).toEqual({ medianMs: 7, p95Ms: 7, answers: 1 })
  for (const ms of [1, 900, 3]) latency.add(ms)
  expect(latency.summary()).toEqual({ medianMs: 3, p95Ms: 900, answers: 4 })
})

test('is of the last hundred answers', () => {
  const latency = new Latency()
  for (let count = 0; count < 50; count++) latency.add(5_000)
  for (let ms = 100; ms >= 1; ms--) latency.add(ms)
  expect(latency.summary()).toEqual({ medianMs: 50, p95Ms: 95, answers: 100 })
})
