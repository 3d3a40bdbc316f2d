import { describe, expect, it } from 'vitest'
import { Circuit, type Verdict } from '../../src/util/circuit.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'

class Down extends Error {}

function start() {
  const clock = new FakeClock()
  const states: string[] = []
  const circuit = new Circuit<Down>({
    clock,
    failures: 2,
    pauseMs: 1_000,
    maxPauseMs: 3_000,
    refuse: (cause, leftMs) => new Error(`not for ${leftMs} ms`, { cause }),
    changed: (state) => states.push(state),
  })
  const judge = (error: unknown): Verdict<Down> => {
    if (error instanceof Down) return error
    return error instanceof RangeError ? 'unknown' : 'alive'
  }
  const ask = (error?: Error) =>
    circuit.run(async () => {
      if (error) throw error
      return Promise.resolve('answer')
    }, judge)
  const down = () => caught(ask(new Down('down')))
  return { clock, circuit, states, judge, ask, down }
}

describe('a circuit', () => {
  it('opens after failures in a row, and then refuses at once with what opened it', async () => {
    const { circuit, states, ask, down } = start()
    await down()
    expect(await ask()).toBe('answer')
    await down()
    expect(circuit.state).toBe('closed')
    const last = await down()
    expect(states).toEqual(['open'])
    const refusal = await caught(ask())
    expect(refusal).toMatchObject({ message: 'not for 1000 ms', cause: last })
  })

  it('is not open for longer where the clock is put back', async () => {
    const { clock, circuit, ask, down } = start()
    await down()
    await down()
    clock.putBack(1)
    expect(circuit.openUntilMs).toBeUndefined()
    expect(await ask()).toBe('answer')
  })

  it('counts only what tells that the other is down', async () => {
    const { circuit, ask, down } = start()
    await down()
    await caught(ask(new RangeError('given up')))
    expect(circuit.state).toBe('closed')
    await caught(ask(new Error('no such thing')))
    await down()
    expect(circuit.state).toBe('closed')
  })

  it('lets one probe through when the pause is over, which closes it', async () => {
    const { clock, circuit, states, judge, ask, down } = start()
    await down()
    await down()
    clock.advance(1_000)
    expect(circuit.state).toBe('half-open')
    const { promise, resolve } = Promise.withResolvers<string>()
    const probe = circuit.run(() => promise, judge)
    await expect(ask()).rejects.toThrow('not for 1000 ms')
    resolve('answer')
    expect(await probe).toBe('answer')
    expect(await ask()).toBe('answer')
    expect(states).toEqual(['open', 'half-open', 'closed'])
  })

  it('is open twice as long after each probe that fails, up to a bound', async () => {
    const { clock, ask, down } = start()
    await down()
    await down()
    for (const [pauseMs, nextMs] of [
      [1_000, 2_000],
      [2_000, 3_000],
      [3_000, 3_000],
    ] as const) {
      clock.advance(pauseMs)
      await down()
      await expect(ask()).rejects.toThrow(`not for ${nextMs} ms`)
    }
  })

  it('is open for as long as its fault says, which does not change how the pause grows', async () => {
    const clock = new FakeClock()
    const circuit = new Circuit<Down>({
      clock,
      failures: 1,
      pauseMs: 1_000,
      maxPauseMs: 3_000,
      pauseOf: ({ message }, pauseMs) => (message === 'long' ? 60_000 : pauseMs / 2),
      refuse: (cause) => cause,
      changed: () => undefined,
    })
    const fail = (message: string) =>
      caught(
        circuit.run(
          () => Promise.reject(new Down(message)),
          (error) => error as Down,
        ),
      )
    for (const [message, waitMs] of [
      ['short', 500],
      ['long', 60_000],
      ['short', 1_500],
    ] as const) {
      await fail(message)
      expect(circuit.openUntilMs).toBe(clock.now() + waitMs)
      clock.advance(waitMs)
      expect(circuit.openUntilMs).toBeUndefined()
    }
  })

  it('is not closed by what was asked before it opened', async () => {
    const { circuit, judge, ask, down } = start()
    const { promise, resolve } = Promise.withResolvers<string>()
    const late = circuit.run(() => promise, judge)
    await down()
    await down()
    resolve('answer')
    expect(await late).toBe('answer')
    expect(circuit.state).toBe('open')
    await expect(ask()).rejects.toThrow('not for 1000 ms')
  })

  it('waits for another probe when one was given up', async () => {
    const { clock, circuit, ask, down } = start()
    await down()
    await down()
    clock.advance(1_000)
    await caught(ask(new RangeError('given up')))
    expect(circuit.state).toBe('half-open')
    expect(await ask()).toBe('answer')
    expect(circuit.state).toBe('closed')
  })
})
