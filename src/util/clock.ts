import { setTimeout as delay } from 'node:timers/promises'

/** Time as the parts see it, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Resolves after `ms`; rejects with the signal's reason when aborted first. Does not keep the process alive. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    signal.throwIfAborted()
    try {
      await delay(ms, undefined, { signal, ref: false })
    } catch (cause) {
      signal.throwIfAborted()
      throw cause
    }
  },
}
