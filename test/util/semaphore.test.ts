import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Semaphore } from '../../src/util/semaphore.ts'

const never = new AbortController().signal

describe('a semaphore', () => {
  it('lets no more in than it has permits, and the others in their order', async () => {
    const semaphore = new Semaphore(2)
    const entered: number[] = []
    const permits = [0, 1, 2, 3].map(async (caller) => {
      const permit = await semaphore.acquire(never)
      entered.push(caller)
      return permit
    })
    await setImmediate()
    expect(entered).toEqual([0, 1])
    for (const [index, expected] of [
      [0, 1, 2],
      [0, 1, 2, 3],
    ].entries()) {
      ;(await permits[index]!)[Symbol.dispose]()
      await setImmediate()
      expect(entered).toEqual(expected)
    }
  })

  it('takes a permit back once', async () => {
    const semaphore = new Semaphore(1)
    const permit = await semaphore.acquire(never)
    permit[Symbol.dispose]()
    permit[Symbol.dispose]()
    using only = await semaphore.acquire(never)
    let isGranted = false
    const second = semaphore.acquire(never).then((permit) => {
      isGranted = true
      return permit
    })
    await setImmediate()
    expect(isGranted).toBe(false)
    only[Symbol.dispose]()
    ;(await second)[Symbol.dispose]()
  })

  it('lets who waits leave, and gives their turn to the next', async () => {
    const semaphore = new Semaphore(1)
    const permit = await semaphore.acquire(never)
    const controller = new AbortController()
    const leaver = semaphore.acquire(controller.signal)
    const next = semaphore.acquire(never)
    const reason = new Error('gone')
    controller.abort(reason)
    await expect(leaver).rejects.toBe(reason)
    await expect(semaphore.acquire(controller.signal)).rejects.toBe(reason)
    permit[Symbol.dispose]()
    ;(await next)[Symbol.dispose]()
  })
})
