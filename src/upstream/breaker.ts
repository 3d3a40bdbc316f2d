import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { BreakerState } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import type { UpstreamEvents } from './upstream-events.ts'
import { WrappedSource, type Subject } from '../oci/wrapped-source.ts'

export interface BreakerOptions {
  /** The upstream's name, for errors and events. */
  upstream: string
  /** Host and port of the one that is asked. */
  endpoint: string
  clock: Clock
  events?: UpstreamEvents
  /** So many failures in a row open it. */
  failures?: number
  /** How long it is open the first time; twice as long after each probe that fails. */
  pauseMs?: number
  maxPauseMs?: number
}

/** What those are told to wait who come while a probe is under way. */
const PROBE_WAIT_MS = 1_000

interface Opening {
  cause: UpstreamError
  untilMs: number
  pauseMs: number
}

/**
 * Stops asking an upstream that is down. Transient failures in a row open it, and then every
 * question fails at once with the last one's kind and the time left. When that is over one
 * question goes through as a probe, and what becomes of it closes or opens it again.
 *
 * A rate limit is not a failure: the upstream lives. Neither is a body that breaks off, after the
 * opening of the blob has succeeded.
 */
export class BreakerSource extends WrappedSource {
  readonly #options: BreakerOptions
  #failures = 0
  #opening: Opening | undefined
  #isProbing = false

  constructor(source: Source, options: BreakerOptions) {
    super(source)
    this.#options = options
  }

  /** half-open: the next question, or the one under way, decides. */
  state(): BreakerState {
    if (!this.#opening) return 'closed'
    const isOver = this.#options.clock.now() >= this.#opening.untilMs
    return this.#isProbing || isOver ? 'half-open' : 'open'
  }

  protected async around<T>(_: Subject, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    const isProbe = this.#enter()
    try {
      const answer = await ask()
      this.#answered()
      return answer
    } catch (error) {
      // A question that its asker gave up tells nothing of the upstream.
      if (!signal.aborted) this.#failed(error, isProbe)
      throw error
    } finally {
      if (isProbe) this.#isProbing = false
    }
  }

  /** True where the question is the probe. Throws while it is open. */
  #enter(): boolean {
    const opening = this.#opening
    if (!opening) return false
    const leftMs = opening.untilMs - this.#options.clock.now()
    if (leftMs > 0) throw this.#refusal(opening, leftMs)
    if (this.#isProbing) throw this.#refusal(opening, PROBE_WAIT_MS)
    this.#isProbing = true
    this.#report('half-open')
    return true
  }

  #answered(): void {
    this.#failures = 0
    if (!this.#opening) return
    this.#opening = undefined
    this.#report('closed')
  }

  #failed(error: unknown, isProbe: boolean): void {
    const { clock, failures = 3, pauseMs = 1_000, maxPauseMs = 60_000 } = this.#options
    const isFailure =
      error instanceof UpstreamError && error.transient && error.kind !== 'rate-limited'
    if (!isFailure) {
      this.#answered()
      return
    }
    this.#failures++
    // Questions that were under way when it opened come in late and change nothing.
    if (this.#opening ? !isProbe : this.#failures < failures) return
    const longerMs = this.#opening ? Math.min(maxPauseMs, this.#opening.pauseMs * 2) : pauseMs
    this.#opening = { cause: error, untilMs: clock.now() + longerMs, pauseMs: longerMs }
    this.#report('open')
  }

  #refusal({ cause }: Opening, retryAfterMs: number): UpstreamError {
    const { upstream } = this.#options
    const message = `${cause.message} (it is not asked for ${Math.ceil(retryAfterMs / 1000)} s)`
    return new UpstreamError(upstream, cause.kind, message, { cause, retryAfterMs })
  }

  #report(state: BreakerState): void {
    const { upstream, endpoint, events } = this.#options
    events?.breakerChanged({ upstream, endpoint, state })
  }
}
