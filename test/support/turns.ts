import { setImmediate } from 'node:timers/promises'

/** Far more than anything in memory needs, little enough to end a test that waits in vain. */
const MAX_TURNS = 200_000

/** Lets the event loop turn until the answer is truthy, and returns it. */
export async function until<T>(what: string, ask: () => Promise<T> | T): Promise<T & {}> {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const answer = await ask()
    if (answer) return answer
    await setImmediate()
  }
  throw new Error(`${what}: not within ${MAX_TURNS} turns of the event loop`)
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
