import { describe, expect, it } from 'vitest'
import { abortable } from '../../src/util/abortable.ts'
import { together } from '../../src/util/together.ts'
import { caught } from '../support/caught.ts'

const never = new AbortController().signal

describe('work that is done several times at once', () => {
  it('is over when all of it is', async () => {
    const left = [1, 2, 3, 4, 5].values()
    const done: number[] = []
    await together(2, never, async () => {
      for (const one of left) done.push(await Promise.resolve(one))
    })
    expect(done).toEqual([1, 2, 3, 4, 5])
  })

  it('fails with the first failure, which ends the rest and waits for it', async () => {
    const failure = new Error('one')
    const ends: unknown[] = []
    let begun = 0
    const failing = together(3, never, async (signal) => {
      if (++begun === 2) throw failure
      ends.push(await caught(abortable(new Promise<never>(() => {}), signal)))
    })
    expect(await caught(failing)).toBe(failure)
    expect(ends).toEqual([failure, failure])
  })

  it('is ended by its caller', async () => {
    const leaving = new AbortController()
    const waiting = together(2, leaving.signal, (signal) =>
      abortable(new Promise<never>(() => {}), signal),
    )
    leaving.abort(new Error('gone'))
    expect(await caught(waiting)).toBe(leaving.signal.reason)
  })
})
