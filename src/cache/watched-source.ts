import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { WrappedSource, type Subject } from '../oci/wrapped-source.ts'
import type { Clock } from '../util/clock.ts'

/** A source that remembers when it last got an answer, so that others know whether it can be counted on. */
export class WatchedSource extends WrappedSource {
  readonly #clock: Clock
  #answeredAtMs = Number.NEGATIVE_INFINITY

  constructor(source: Source, clock: Clock) {
    super(source)
    this.#clock = clock
  }

  /** Milliseconds since the last answer, whatever it said; infinite where none came since it last failed. */
  get silentForMs(): number {
    return this.#clock.now() - this.#answeredAtMs
  }

  protected async around<T>(_: Subject, __: AbortSignal, ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask()
      this.#answeredAtMs = this.#clock.now()
      return answer
    } catch (error) {
      if (error instanceof UpstreamError) {
        const isAnswer = !error.transient || error.isLimit
        this.#answeredAtMs = isAnswer ? this.#clock.now() : Number.NEGATIVE_INFINITY
      }
      throw error
    }
  }
}
