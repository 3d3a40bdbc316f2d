import type { Clock } from '../../src/util/clock.ts'

interface Sleeper {
  atMs: number
  wake: () => void
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs: number
  readonly #sleepers = new Set<Sleeper>()

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#sleepers.delete(sleeper)
        signal.removeEventListener('abort', abort)
      }
      const sleeper: Sleeper = {
        atMs: this.#nowMs + ms,
        wake: () => {
          end()
          resolve()
        },
      }
      const abort = () => {
        end()
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', abort)
      this.#sleepers.add(sleeper)
    })
  }

  /** How many wait; a test can poll it to know that a wait has begun. */
  get sleeping(): number {
    return this.#sleepers.size
  }

  /** As when a clock that was ahead is set right: who waits goes on waiting for as long as before. */
  putBack(ms: number): void {
    this.#nowMs -= ms
    for (const sleeper of this.#sleepers) sleeper.atMs -= ms
  }

  /** Moves time on and wakes, in order, those whose time has come. */
  advance(ms: number): void {
    this.#nowMs += ms
    const due = [...this.#sleepers].filter((sleeper) => sleeper.atMs <= this.#nowMs)
    for (const sleeper of due.sort((a, b) => a.atMs - b.atMs)) sleeper.wake()
  }
}
