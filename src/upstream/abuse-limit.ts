import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { WrappedSource, type Subject } from '../oci/wrapped-source.ts'
import { Circuit } from '../util/circuit.ts'
import type { LimitEvents } from '../telemetry/limit-events.ts'
import type { Clock } from '../util/clock.ts'

export interface AbuseLimitOptions {
  /** The upstream's name, for errors and events. */
  upstream: string
  /** Host and port of the one that is asked. */
  endpoint: string
  clock: Clock
  events?: LimitEvents
  /** The longest first wait after a refusal that names none; twice as long after each one more. */
  pauseMs?: number
  maxPauseMs?: number
  /** From 0 to 1, as Math.random. */
  random?: () => number
}

/** A longer `Retry-After` is cut to this; then it is asked once more. */
const MAX_RETRY_AFTER_MS = 3_600_000

/**
 * Leaves an endpoint alone, whoever we are there, that refuses all requests as too many: for as
 * long as it asks, else for a time that doubles and is cut by up to a half at random. Until then
 * every question fails at once with the time left; then one goes through, and decides.
 */
export class AbuseLimitSource extends WrappedSource {
  readonly #circuit: Circuit<UpstreamError>

  constructor(source: Source, options: AbuseLimitOptions) {
    super(source)
    const { upstream, endpoint, clock, events, random = Math.random } = options
    const { pauseMs = 20_000, maxPauseMs = 900_000 } = options
    this.#circuit = new Circuit({
      clock,
      failures: 1,
      pauseMs,
      maxPauseMs,
      pauseOf: ({ retryAfterMs }, longestMs) =>
        retryAfterMs === undefined
          ? longestMs * (1 - random() / 2)
          : Math.min(retryAfterMs, MAX_RETRY_AFTER_MS),
      refuse: (cause, retryAfterMs) =>
        new UpstreamError(upstream, 'abuse-limited', cause.message, { cause, retryAfterMs }),
      changed: (state) => events?.abuseLimitChanged({ upstream, endpoint, state }),
    })
  }

  /** Until when it is left alone; `undefined` where it may be asked. */
  get untilMs(): number | undefined {
    return this.#circuit.openUntilMs
  }

  protected around<T>(_: Subject, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    return this.#circuit.run(ask, (error) => {
      // A question that its asker gave up tells nothing of the upstream.
      if (signal.aborted) return 'unknown'
      return error instanceof UpstreamError && error.kind === 'abuse-limited' ? error : 'alive'
    })
  }
}
