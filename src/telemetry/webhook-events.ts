import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** What happens to webhooks. */
export class WebhookEvents {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger
    this.#metrics = metrics
  }

  /** Counted only: the webhook has taken so many events. */
  delivered(webhook: string, events: number): void {
    this.#metrics.webhookEvents.add(events, webhook, 'delivered')
  }

  queued(webhook: string, events: number): void {
    this.#metrics.webhookQueued.labels(webhook).set(events)
  }

  /** Logged in full at debug; that it fails and that it is well again is told once. */
  failed(event: { webhook: string; attempt: number; pauseMs: number; error: unknown }): void {
    this.#metrics.webhookFailures.add(1, event.webhook)
    this.#logger.debug(event, 'webhook failed')
  }

  changed(event: { webhook: string; isFailing: boolean; error: unknown }): void {
    this.#metrics.webhookFailing.labels(event.webhook).set(event.isFailing ? 1 : 0)
    if (event.isFailing) this.#logger.warn(event, 'webhook takes no events')
    else this.#logger.info(event, 'webhook takes events again')
  }

  /** The oldest of its events are lost, because it has let too many wait. */
  dropped(event: { webhook: string; events: number }): void {
    this.#metrics.webhookEvents.add(event.events, event.webhook, 'dropped')
    this.#logger.warn(event, 'events dropped')
  }

  /** Events wait in memory, where a restart loses them, as the inventory cannot be written. */
  queueFailed(event: { webhook: string; error: unknown }): void {
    this.#metrics.failures.add(1, 'inventory', 'queue events')
    this.#logger.error(event, 'events are not written down')
  }
}
