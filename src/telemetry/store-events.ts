import type { BreakerState } from './events.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** What happens in a store, as Events tells of the rest. */
export class StoreEvents {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** S3 keeps failing, and is left alone for a while; or answers again. */
  breakerChanged(event: { state: BreakerState; error: unknown }): void {
    this.#metrics.storeBreakerOpen.set(event.state === 'closed' ? 0 : 1)
    if (event.state === 'open') this.#logger.warn(event, 'S3 is not asked for a while')
    else this.#logger.info(event, 'S3 breaker changed')
  }

  /** Counted only: a blob was opened, from the read cache or past it. */
  copyRead(event: { isHit: boolean }): void {
    this.#metrics.copyReads.add(1, event.isHit ? 'hit' : 'miss')
  }

  /** A copy cannot be made, read or removed; what it is a copy of is there all the same. */
  copyFailed(event: { digest: string; error: unknown }): void {
    this.#metrics.failures.add(1, 'store', 'copy')
    this.#logger.warn(event, 'copy failed')
  }

  /** While the local disk refuses copies, content comes from S3 alone. */
  readCacheChanged(event: { isFailing: boolean; error: unknown }): void {
    this.#metrics.readCacheFailing.set(event.isFailing ? 1 : 0)
    if (event.isFailing) this.#logger.warn(event, 'read cache takes nothing new')
    else this.#logger.info(event, 'read cache goes on')
  }

  readCacheSized({ bytes, entries }: { bytes: number; entries: number }): void {
    this.#metrics.readCacheBytes.set(bytes)
    this.#metrics.readCacheEntries.set(entries)
  }

  /** The counters' own numbers. */
  copyReads(): { hits: number; misses: number } {
    const { copyReads } = this.#metrics
    return { hits: copyReads.total('outcome', 'hit'), misses: copyReads.total('outcome', 'miss') }
  }
}
