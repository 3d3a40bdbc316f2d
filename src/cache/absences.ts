import { LRUCache } from 'lru-cache'
import type { Clock } from '../util/clock.ts'

const MAX_REMEMBERED = 10_000

/** Remembers for a while what upstream said it does not have. */
export class Absences {
  readonly #clock: Clock
  readonly #forMs: number
  readonly #until = new LRUCache<string, number>({ max: MAX_REMEMBERED })

  constructor(clock: Clock, forMs: number) {
    this.#clock = clock
    this.#forMs = forMs
  }

  add(key: string): void {
    this.#until.set(key, this.#clock.now() + this.#forMs)
  }

  has(key: string): boolean {
    const until = this.#until.get(key)
    return until !== undefined && this.#clock.now() < until
  }
}
