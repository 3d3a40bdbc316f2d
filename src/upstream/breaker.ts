import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { Circuit, type CircuitState, type Verdict } from '../util/circuit.ts'
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

/**
 * Stops asking an upstream that is down: while transient failures have opened the circuit, every
 * question fails at once with the last one's kind and the time left.
 *
 * A rate limit is not a failure: the upstream lives. Neither is a body that breaks off, after the
 * opening of the blob has succeeded.
 */
export class BreakerSource extends WrappedSource {
  readonly #circuit: Circuit<UpstreamError>

  constructor(source: Source, options: BreakerOptions) {
    super(source)
    const { upstream, endpoint, clock, events } = options
    const { failures = 3, pauseMs = 1_000, maxPauseMs = 60_000 } = options
    this.#circuit = new Circuit({
      clock,
      failures,
      pauseMs,
      maxPauseMs,
      refuse: (cause, leftMs) => refusalOf(upstream, cause, leftMs),
      changed: (state) => events?.breakerChanged({ upstream, endpoint, state }),
    })
  }

  state(): CircuitState {
    return this.#circuit.state
  }

  protected around<T>(_: Subject, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    // A question that its asker gave up tells nothing of the upstream.
    return this.#circuit.run(ask, (error) => (signal.aborted ? 'unknown' : verdictOn(error)))
  }
}

function verdictOn(error: unknown): Verdict<UpstreamError> {
  const isDown = error instanceof UpstreamError && error.transient && !error.isLimit
  return isDown ? error : 'alive'
}

function refusalOf(upstream: string, cause: UpstreamError, retryAfterMs: number): UpstreamError {
  const message = `${cause.message} (it is not asked for ${Math.ceil(retryAfterMs / 1000)} s)`
  return new UpstreamError(upstream, cause.kind, message, { cause, retryAfterMs })
}
