import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** What happens to the audit log itself. */
export class AuditEvents {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** Counted only. */
  written(lines: number): void {
    this.#metrics.auditLines.add(lines, 'written')
  }

  /** Counted only: that they may come to be lost is told when writing begins to fail. */
  lost(lines: number): void {
    this.#metrics.auditLines.add(lines, 'lost')
  }

  /** Lines wait in memory, for so many bytes, while the file cannot be written. */
  changed(event: { path: string; isFailing: boolean; error: unknown }): void {
    this.#metrics.auditFailing.set(event.isFailing ? 1 : 0)
    if (event.isFailing) this.#logger.error(event, 'audit log cannot be written')
    else this.#logger.info(event, 'audit log is written again')
  }
}
