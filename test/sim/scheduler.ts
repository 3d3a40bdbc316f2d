import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Dice } from './dice.ts'

interface Parked {
  sequence: number
  owner: object
  label: string
  resume: () => void
}

/**
 * Decides who goes on. Whatever takes time is done for real and then parked; only when all of it
 * is done is one of the parked let on, so that the order depends on the dice alone.
 */
export class Scheduler {
  readonly #dice: Dice
  readonly #dead = new WeakSet<object>()
  readonly #trace = createHash('sha256')
  #parked: Parked[] = []
  #running = 0
  #sequence = 0

  constructor(dice: Dice) {
    this.#dice = dice
  }

  /** Does the work, then waits for its turn to go on. */
  async turn<T>(owner: object, label: string, work: () => Promise<T>): Promise<T> {
    // Counted before the work: who comes first must not depend on who is done first.
    const sequence = this.#sequence++
    this.#running++
    try {
      return await work()
    } finally {
      this.#running--
      await new Promise<void>((resume) => {
        if (!this.#dead.has(owner)) this.#parked.push({ sequence, owner, label, resume })
      })
    }
  }

  pause(owner: object, label: string): Promise<void> {
    return this.turn(owner, label, () => Promise.resolve())
  }

  /** Waits until everybody is parked, or waits for something else. */
  async quiet(): Promise<void> {
    do await setImmediate()
    while (this.#running > 0)
  }

  /** Lets one go on, when it is quiet; false where nobody is parked. */
  step(): boolean {
    const waiting = this.#parked.sort((a, b) => a.sequence - b.sequence)
    if (waiting.length === 0) return false
    const [next] = waiting.splice(this.#dice.int(0, waiting.length - 1), 1)
    this.#trace.update(`${next!.sequence} ${next!.label}\n`)
    next!.resume()
    return true
  }

  /** What belongs to the owner never goes on again, as when its process is killed. */
  kill(owner: object): void {
    this.#dead.add(owner)
    this.#parked = this.#parked.filter((parked) => parked.owner !== owner)
  }

  /** What everybody who is parked has done. */
  waiting(): string[] {
    return this.#parked.map(({ label }) => label)
  }

  /** The same for two runs that went the same way. */
  trace(): string {
    return this.#trace.copy().digest('hex')
  }
}
