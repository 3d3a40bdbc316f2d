import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { backoffMs } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import { WrappedSource, type Subject } from '../oci/wrapped-source.ts'

export interface RetryOptions {
  clock: Clock
  /** In all. */
  attempts?: number
  baseMs?: number
  maxMs?: number
  /** When this has gone by, a failure is the answer: a client waits. */
  patienceMs?: number
  /** A longer `Retry-After` than this is not waited for. */
  maxRetryAfterMs?: number
  random?: () => number
}

/**
 * Asks again after a transient failure, few times and within seconds, because a client waits. A
 * rate limit is waited for only where the upstream says how long, and that is short. Of a blob
 * the opening is repeated, never its body.
 */
export class RetrySource extends WrappedSource {
  readonly #options: RetryOptions

  constructor(source: Source, options: RetryOptions) {
    super(source)
    this.#options = options
  }

  protected async around<T>(_: Subject, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    const { clock, attempts = 3, patienceMs = 5_000 } = this.#options
    const startedAtMs = clock.now()
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask()
      } catch (error) {
        const isOver = attempt === attempts || clock.now() - startedAtMs >= patienceMs
        const pauseMs = isOver ? undefined : this.#pauseMs(error, attempt)
        if (pauseMs === undefined) throw error
        await clock.sleep(pauseMs, signal)
      }
    }
  }

  /** `undefined` where asking again would not help, or not soon. */
  #pauseMs(error: unknown, attempt: number): number | undefined {
    const { maxRetryAfterMs = 3_000 } = this.#options
    if (!(error instanceof UpstreamError) || !error.transient) return undefined
    const { kind, retryAfterMs } = error
    // More requests are what it does not want.
    if (kind === 'abuse-limited') return undefined
    if (retryAfterMs !== undefined) {
      return retryAfterMs <= maxRetryAfterMs ? retryAfterMs : undefined
    }
    return kind === 'rate-limited' ? undefined : backoffMs(attempt, this.#options)
  }
}
