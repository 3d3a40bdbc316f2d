import { describe, expect, it } from 'vitest'
import { abortable } from '../../src/util/abortable.ts'
import { caught } from '../support/caught.ts'

const reason = new Error('gone')

describe('waiting for a promise that others share', () => {
  it('gives its value or its failure', async () => {
    const { signal } = new AbortController()
    const failure = new Error('no')
    expect(await abortable(Promise.resolve(3), signal)).toBe(3)
    expect(await caught(abortable(Promise.reject(failure), signal))).toBe(failure)
  })

  it('ends with the reason of the signal, and leaves the promise to others', async () => {
    const leaving = new AbortController()
    const { promise, resolve } = Promise.withResolvers<number>()
    const left = caught(abortable(promise, leaving.signal))
    const stays = abortable(promise, new AbortController().signal)
    leaving.abort(reason)
    expect(await left).toBe(reason)
    resolve(3)
    expect(await stays).toBe(3)
  })

  it('does not begin where the signal is aborted already', async () => {
    expect(await caught(abortable(Promise.resolve(3), AbortSignal.abort(reason)))).toBe(reason)
  })

  it('leaves no failure unhandled that comes after the signal', async () => {
    const leaving = new AbortController()
    const { promise, reject } = Promise.withResolvers<number>()
    const left = caught(abortable(promise, leaving.signal))
    leaving.abort(reason)
    reject(new Error('too late'))
    expect(await left).toBe(reason)
  })
})
