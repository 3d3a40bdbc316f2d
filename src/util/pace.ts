import type { Clock } from './clock.ts'

/** Who falls behind may go faster for this long to make up for it. */
const CATCH_UP_MS = 100

/** Spreads work over time: so many units a second on average. */
export class Pace {
  readonly #clock: Clock
  readonly #msPerUnit: number
  #freeAtMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, unitsPerSecond: number) {
    this.#clock = clock
    this.#msPerUnit = 1000 / unitsPerSecond
  }

  /** Waits until the units before these have had their time. Rejects with the signal's reason. */
  async take(units: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const waitMs = this.#freeAtMs - this.#clock.now()
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal)
    const earliestMs = this.#clock.now() - CATCH_UP_MS
    this.#freeAtMs = Math.max(this.#freeAtMs, earliestMs) + units * this.#msPerUnit
  }
}
