import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { StopSignals } from '../../src/cli/stop-signals.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('the first signal asks to stop, a later one to hurry', () => {
  const clock = new FakeClock()
  const source = new EventEmitter()
  const signals = new StopSignals(source, clock)
  expect(signals.stop.aborted).toBe(false)
  source.emit('SIGTERM')
  expect(signals.stop.aborted).toBe(true)
  clock.advance(2000)
  expect(signals.hurry.aborted).toBe(false)
  source.emit('SIGTERM')
  expect(signals.hurry.aborted).toBe(true)
})

test('the echo that npm makes of a signal is none', () => {
  const clock = new FakeClock()
  const source = new EventEmitter()
  const signals = new StopSignals(source, clock)
  source.emit('SIGINT')
  clock.advance(30)
  source.emit('SIGINT')
  expect(signals.hurry.aborted).toBe(false)
})

test('another signal is never an echo', () => {
  const source = new EventEmitter()
  const signals = new StopSignals(source, new FakeClock())
  source.emit('SIGTERM')
  source.emit('SIGINT')
  expect(signals.hurry.aborted).toBe(true)
})
