import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** What happens to the certificate that clients see. */
export class CertificateEvents {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** Logged only. */
  renewed(event: { file: string }): void {
    this.#logger.info(event, 'certificate renewed')
  }

  /** The files have changed, but cannot be used: the certificate of before is shown on. */
  kept(event: { file: string; error: unknown }): void {
    this.#metrics.failures.add(1, 'http', 'read-certificate')
    this.#logger.error(event, 'certificate was not renewed')
  }
}
