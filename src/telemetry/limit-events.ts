import type { CircuitState } from '../util/circuit.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** What an upstream says is left to one of our accounts. */
export interface ToldBudget {
  upstream: string
  endpoint: string
  credential: string
  limit: number
  remaining: number
}

/** What happens about the limits of upstreams. */
export class LimitEvents {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** Counted only: it comes with each answer. */
  budgetTold({ upstream, endpoint, credential, limit, remaining }: ToldBudget): void {
    this.#metrics.budgetLimit.labels(upstream, endpoint, credential).set(limit)
    this.#metrics.budgetRemaining.labels(upstream, endpoint, credential).set(remaining)
  }

  /** Logged only: so little is left that pulls are spared; or no longer so. */
  budgetChanged(event: ToldBudget & { isLow: boolean }): void {
    if (event.isLow) this.#logger.warn(event, 'pulls run low')
    else this.#logger.info(event, 'pulls are there again')
  }

  /** The endpoint refuses all requests as too many; or no longer so. */
  abuseLimitChanged(event: { upstream: string; endpoint: string; state: CircuitState }): void {
    const { upstream, endpoint, state } = event
    this.#metrics.abuseLimited.labels(upstream, endpoint).set(state === 'closed' ? 0 : 1)
    if (state === 'open') this.#logger.warn(event, 'upstream refuses all requests for a while')
    else this.#logger.info(event, 'upstream abuse limit changed')
  }

  /** The counter's own number: GETs of manifests that an upstream was spared. */
  savedPulls(upstream: string): number {
    return this.#metrics.savedPulls.total('upstream', upstream)
  }
}
