import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SingleFlight } from '../../src/util/single-flight.ts'
import { caught } from '../support/caught.ts'

const never = new AbortController().signal

/** Work that runs until it is told its result, and counts how often it was started. */
function slowWork() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const work = () => {
    slow.starts++
    return promise
  }
  const slow = { work, resolve, reject, starts: 0 }
  return slow
}

describe('callers that ask for the same at once', () => {
  it('share one piece of work and know who started it', async () => {
    const flights = new SingleFlight<string>()
    const slow = slowWork()
    const waits = [1, 2, 3].map(() => flights.run('key', never, slow.work))
    slow.resolve('done')
    expect(await Promise.all(waits)).toEqual([
      { value: 'done', joined: false },
      { value: 'done', joined: true },
      { value: 'done', joined: true },
    ])
    expect(slow.starts).toBe(1)
  })

  it('share its failure', async () => {
    const flights = new SingleFlight<string>()
    const slow = slowWork()
    const waits = [1, 2].map(() => caught(flights.run('key', never, slow.work)))
    const failure = new Error('no')
    slow.reject(failure)
    expect(await Promise.all(waits)).toEqual([failure, failure])
  })

  it('start anew once it is over, well or not', async () => {
    const flights = new SingleFlight<number>()
    let starts = 0
    const work = () => {
      starts++
      return starts === 1 ? Promise.reject(new Error('no')) : Promise.resolve(starts)
    }
    await caught(flights.run('key', never, work))
    expect(await flights.run('key', never, work)).toEqual({ value: 2, joined: false })
    expect(await flights.run('key', never, work)).toEqual({ value: 3, joined: false })
  })

  it('are kept apart by their keys', async () => {
    const flights = new SingleFlight<string>()
    const [one, two] = [slowWork(), slowWork()]
    const waits = [flights.run('1', never, one.work), flights.run('2', never, two.work)]
    two.resolve('two')
    one.resolve('one')
    expect((await Promise.all(waits)).map(({ value }) => value)).toEqual(['one', 'two'])
  })

  it('leave one by one, and the work goes on for the others', async () => {
    const flights = new SingleFlight<string>()
    const slow = slowWork()
    const leaving = new AbortController()
    const left = caught(flights.run('key', leaving.signal, slow.work))
    const stays = flights.run('key', never, slow.work)
    leaving.abort(new Error('gone'))
    expect(await left).toMatchObject({ message: 'gone' })
    slow.resolve('done')
    expect(await stays).toEqual({ value: 'done', joined: true })
  })

  it('may all leave before it fails', async () => {
    const flights = new SingleFlight<string>()
    const slow = slowWork()
    const leaving = new AbortController()
    const left = caught(flights.run('key', leaving.signal, slow.work))
    leaving.abort(new Error('gone'))
    await left
    slow.reject(new Error('nobody is owed this'))
    await setImmediate()
    const again = slowWork()
    again.resolve('done')
    expect(await flights.run('key', never, again.work)).toEqual({ value: 'done', joined: false })
  })

  it('start nothing where they have left already', async () => {
    const flights = new SingleFlight<string>()
    const slow = slowWork()
    const gone = AbortSignal.abort(new Error('gone'))
    expect(await caught(flights.run('key', gone, slow.work))).toMatchObject({ message: 'gone' })
    expect(slow.starts).toBe(0)
  })
})
