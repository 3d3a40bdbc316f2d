import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Clock } from '../util/clock.ts'

/** A source that remembers when it last got an answer, so that others know whether it can be counted on. */
export class WatchedSource implements Source {
  readonly #source: Source
  readonly #clock: Clock
  #answeredAtMs = Number.NEGATIVE_INFINITY

  constructor(source: Source, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /** Milliseconds since the last answer, whatever it said; infinite before the first. */
  get silentForMs(): number {
    return this.#clock.now() - this.#answeredAtMs
  }

  resolve(...args: Parameters<Source['resolve']>): ReturnType<Source['resolve']> {
    return this.#watch(this.#source.resolve(...args))
  }

  manifest(...args: Parameters<Source['manifest']>): ReturnType<Source['manifest']> {
    return this.#watch(this.#source.manifest(...args))
  }

  statBlob(...args: Parameters<Source['statBlob']>): ReturnType<Source['statBlob']> {
    return this.#watch(this.#source.statBlob(...args))
  }

  blob(...args: Parameters<Source['blob']>): ReturnType<Source['blob']> {
    return this.#watch(this.#source.blob(...args))
  }

  tags(...args: Parameters<Source['tags']>): ReturnType<Source['tags']> {
    return this.#watch(this.#source.tags(...args))
  }

  async #watch<T>(answer: Promise<T>): Promise<T> {
    try {
      const value = await answer
      this.#answeredAtMs = this.#clock.now()
      return value
    } catch (error) {
      if (error instanceof UpstreamError && !error.transient) this.#answeredAtMs = this.#clock.now()
      throw error
    }
  }
}
