import type { Clock } from './clock.ts'

const SLOT_MS = 1000
const SLOTS = 5

/** How much has come lately, over the last five seconds; nothing where nothing has. */
export class Rate {
  readonly #clock: Clock
  readonly #startedAtMs: number
  /** What came in each of the last seconds, at the place of the second. */
  readonly #slots = Array.from({ length: SLOTS }, () => 0)
  #second: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAtMs = clock.now()
    this.#second = secondOf(this.#startedAtMs)
  }

  add(count: number): void {
    this.#forget(this.#clock.now())
    const place = this.#second % SLOTS
    this.#slots[place] = (this.#slots[place] ?? 0) + count
  }

  get perSecond(): number {
    const nowMs = this.#clock.now()
    this.#forget(nowMs)
    const rememberedMs = (SLOTS - 1) * SLOT_MS + (nowMs % SLOT_MS)
    // In the first moments a few bytes would look like a flood.
    const passedMs = Math.max(SLOT_MS, Math.min(nowMs - this.#startedAtMs, rememberedMs))
    const count = this.#slots.reduce((sum, one) => sum + one, 0)
    return (count / passedMs) * 1000
  }

  /** Empties the slots of the seconds that have begun since it was looked at. */
  #forget(nowMs: number): void {
    const second = secondOf(nowMs)
    const passed = Math.min(second - this.#second, SLOTS)
    for (let step = 0; step < passed; step++) this.#slots[(second - step) % SLOTS] = 0
    // A clock that was set back does not turn it back.
    this.#second = Math.max(second, this.#second)
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / SLOT_MS)
}
