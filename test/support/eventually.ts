import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again and again until the answer is truthy, and returns it; throws at the deadline. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T> | T,
  timeoutMs = 15_000,
): Promise<T & {}> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs} ms`)
    await sleep(20)
  }
}
