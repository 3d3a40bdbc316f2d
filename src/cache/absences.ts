import { LRUCache } from 'lru-cache'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'

const MAX_REMEMBERED = 10_000

/** Remembers for a while what upstream said it does not have. */
export class Absences {
  readonly #clock: Clock
  readonly #forMs: number
  readonly #since = new LRUCache<string, number>({ max: MAX_REMEMBERED })

  constructor(clock: Clock, forMs: number) {
    this.#clock = clock
    this.#forMs = forMs
  }

  add(key: string): void {
    this.#since.set(key, this.#clock.now())
  }

  has(key: string): boolean {
    const sinceMs = this.#since.get(key)
    return sinceMs !== undefined && isWithin(this.#clock.now(), sinceMs, this.#forMs)
  }
}
