import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { WrappedSource, type Subject } from '../oci/wrapped-source.ts'

export interface ThrottleOptions {
  clock: Clock
  /** The wait after a rate limit that names none. */
  waitMs?: number
  /** A longer wait that upstream asks for is cut to this; then it is asked once more. */
  maxWaitMs?: number
}

interface Wait {
  cause: UpstreamError
  atMs: number
  forMs: number
}

/**
 * Leaves an upstream alone that has rate-limited one user of it. Until the wait that it asked for is over, questions for
 * manifests and tags fail at once as rate-limited with the time left. Blobs, which pull limits do
 * not count, go on unless it was a blob that was refused.
 */
export class ThrottleSource extends WrappedSource {
  readonly #options: ThrottleOptions
  #questions: Wait | undefined
  #blobs: Wait | undefined

  constructor(source: Source, options: ThrottleOptions) {
    super(source)
    this.#options = options
  }

  /** Until when questions for manifests are held back; `undefined` where they are not. */
  get untilMs(): number | undefined {
    const wait = this.#questions
    return wait && this.#isUnderWay(wait) ? wait.atMs + wait.forMs : undefined
  }

  protected async around<T>(subject: Subject, _: AbortSignal, ask: () => Promise<T>): Promise<T> {
    this.#check(subject === 'blob' ? this.#blobs : this.#questions)
    try {
      return await ask()
    } catch (error) {
      const wait = this.#waitAfter(error)
      if (wait) this.#questions = wait
      if (wait && subject === 'blob') this.#blobs = wait
      throw error
    }
  }

  #check(wait: Wait | undefined): void {
    if (!wait || !this.#isUnderWay(wait)) return
    const retryAfterMs = wait.atMs + wait.forMs - this.#options.clock.now()
    const { upstream, message, status } = wait.cause
    throw new UpstreamError(upstream, 'rate-limited', message, {
      cause: wait.cause,
      ...(status === undefined ? {} : { status }),
      retryAfterMs,
    })
  }

  #waitAfter(error: unknown): Wait | undefined {
    const { clock, waitMs = 60_000, maxWaitMs = 3_600_000 } = this.#options
    if (!(error instanceof UpstreamError) || error.kind !== 'rate-limited') return undefined
    const forMs = Math.min(error.retryAfterMs ?? waitMs, maxWaitMs)
    return { cause: error, atMs: clock.now(), forMs }
  }

  #isUnderWay({ atMs, forMs }: Wait): boolean {
    return isWithin(this.#options.clock.now(), atMs, forMs)
  }
}
