import { setImmediate } from 'node:timers/promises'

/** Far more than a busy disk needs, little enough to end a test that waits in vain. */
const DEADLINE_MS = 15_000

/** Lets the event loop turn until the answer is truthy, and returns it; throws at the deadline. */
export async function until<T>(what: string, ask: () => Promise<T> | T): Promise<T & {}> {
  const startedAtMs = performance.now()
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (performance.now() - startedAtMs > DEADLINE_MS) {
      throw new Error(`${what}: not within ${DEADLINE_MS} ms`)
    }
    await setImmediate()
  }
}

/** True where the promise has not settled though everything that could go on has had many turns. */
export async function isPending(promise: PromiseLike<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  )
  return Promise.race([settled, turns()])
}

/** Enough for everything that could go on. */
export async function turns(count = 50): Promise<true> {
  for (let turn = 0; turn < count; turn++) await setImmediate()
  return true
}
