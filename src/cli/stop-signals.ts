/** What the system and the terminal ask a daemon with. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Listens for the signals that end a process, until it is disposed. */
export class StopSignals implements Disposable {
  readonly #stop = new AbortController()
  readonly #hurry = new AbortController()

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#receive)
  }

  /** Aborted by the first signal, which asks to finish what is under way. */
  get stop(): AbortSignal {
    return this.#stop.signal
  }

  /** Aborted by the second signal, which asks not to wait for that. */
  get hurry(): AbortSignal {
    return this.#hurry.signal
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#receive)
  }

  readonly #receive = (): void => {
    if (this.#stop.signal.aborted) this.#hurry.abort()
    else this.#stop.abort()
  }
}
