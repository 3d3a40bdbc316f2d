import { abortable } from './abortable.ts'

export interface Flight<T> {
  value: T
  /** True for callers that found the work under way. */
  joined: boolean
}

/** Lets callers that ask for the same thing at once share one piece of work, its failure included. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>()

  /** Joins the work under `key` or starts it. The signal ends this caller's wait, never the work. */
  async run(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<Flight<T>> {
    signal.throwIfAborted()
    const running = this.#flights.get(key)
    const flight = running ?? this.#start(key, work)
    return { value: await abortable(flight, signal), joined: running !== undefined }
  }

  #start(key: string, work: () => Promise<T>): Promise<T> {
    const flight = work().finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    // A failure belongs to those who wait; when all of them have left, nobody is owed it.
    flight.catch(() => undefined)
    return flight
  }
}
