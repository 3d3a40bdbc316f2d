import { expect, test } from 'vitest'
import { KeyedLock } from '../../src/util/keyed-lock.ts'

const { signal } = new AbortController()

test('one at a time has a key, in whatever order they came', async () => {
  const lock = new KeyedLock<string>()
  let inside = 0
  let most = 0
  const enter = async () => {
    using _lock = await lock.acquire('a', signal)
    most = Math.max(most, ++inside)
    await Promise.resolve()
    inside--
  }
  await Promise.all(Array.from({ length: 10 }, enter))
  expect([most, inside]).toEqual([1, 0])
})

test('other keys are free', async () => {
  const lock = new KeyedLock<string>()
  using _a = await lock.acquire('a', signal)
  expect(lock.tryAcquire('a')).toBeUndefined()
  using b = lock.tryAcquire('b')
  expect(b).toBeDefined()
})

test('who waits can give up', async () => {
  const lock = new KeyedLock<string>()
  using _a = await lock.acquire('a', signal)
  const patience = new AbortController()
  const waiting = lock.acquire('a', patience.signal)
  patience.abort(new Error('too long'))
  await expect(waiting).rejects.toThrow('too long')
})
