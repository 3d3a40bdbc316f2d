import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'

const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 60_000
const FORGOTTEN_AFTER_MS = 15 * 60_000
const MAX_KEYS = 5_000

interface Failures {
  count: number
  lastAtMs: number
}

/**
 * Who has failed how often, and how long each has to wait for it: after so many that cost nothing
 * a second, and twice as long after each further one. Of who failed longest ago nothing is known
 * where there are too many.
 */
export class FailureCounts {
  readonly #clock: Clock
  readonly #freeCount: number
  /** In order of the last failure. */
  readonly #failures = new Map<string, Failures>()
  readonly #trying = new Set<string>()

  constructor(clock: Clock, freeCount: number) {
    this.#clock = clock
    this.#freeCount = freeCount
  }

  /** Until the next try is looked at; 0 where that is now. */
  waitMs(key: string): number {
    const waitMs = this.#waitMs(key)
    return this.#trying.has(key) ? Math.max(waitMs, FIRST_WAIT_MS) : waitMs
  }

  /** Until it is disposed a try is looked at: who has failed too often has one at a time. */
  try(key: string): Disposable {
    const isSlowed = this.#countOf(key) >= this.#freeCount
    if (isSlowed) this.#trying.add(key)
    return { [Symbol.dispose]: () => void (isSlowed && this.#trying.delete(key)) }
  }

  add(key: string): void {
    const count = this.#countOf(key) + 1
    this.#failures.delete(key)
    this.#failures.set(key, { count, lastAtMs: this.#clock.now() })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > MAX_KEYS && oldest !== undefined) this.#failures.delete(oldest)
  }

  forget(key: string): void {
    this.#failures.delete(key)
  }

  #countOf(key: string): number {
    return this.#known(key)?.count ?? 0
  }

  #waitMs(key: string): number {
    const failures = this.#known(key)
    if (!failures || failures.count < this.#freeCount) return 0
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (failures.count - this.#freeCount), MAX_WAIT_MS)
    return Math.max(0, failures.lastAtMs + waitMs - this.#clock.now())
  }

  #known(key: string): Failures | undefined {
    const failures = this.#failures.get(key)
    if (!failures || isWithin(this.#clock.now(), failures.lastAtMs, FORGOTTEN_AFTER_MS)) {
      return failures
    }
    this.#failures.delete(key)
    return undefined
  }
}
