import type { EventEmitter } from 'node:events'
import type { Clock } from '../util/clock.ts'

/** What the system and the terminal ask a daemon with. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * How long after the first signal the same one is its echo: below `npm start`, Ctrl-C arrives
 * twice, from the terminal and from npm.
 */
const ECHO_MS = 500

/** Listens for the signals that end a process, from now until it has ended. */
export class StopSignals {
  readonly #clock: Clock
  readonly #stop = new AbortController()
  readonly #hurry = new AbortController()
  #first: { signal: NodeJS.Signals; atMs: number } | undefined

  constructor(source: EventEmitter, clock: Clock) {
    this.#clock = clock
    for (const signal of SIGNALS) source.on(signal, () => this.#receive(signal))
  }

  /** Aborted by the first signal, which asks to finish what is under way. */
  get stop(): AbortSignal {
    return this.#stop.signal
  }

  /** Aborted by the second signal, which asks not to wait for that. */
  get hurry(): AbortSignal {
    return this.#hurry.signal
  }

  #receive(signal: NodeJS.Signals): void {
    const atMs = this.#clock.now()
    if (!this.#first) {
      this.#first = { signal, atMs }
      this.#stop.abort()
    } else if (signal !== this.#first.signal || atMs - this.#first.atMs >= ECHO_MS) {
      this.#hurry.abort()
    }
  }
}
