import type { WebhookStats } from '../admin-stats.ts'
import type { ContentAction, ContentEvent } from '../telemetry/content-event.ts'
import type { FeedListener } from '../telemetry/content-feed.ts'
import type { WebhookEvents } from '../telemetry/webhook-events.ts'
import { abortable } from '../util/abortable.ts'
import { backoffMs } from '../util/backoff.ts'
import type { Clock } from '../util/clock.ts'
import type { Glob } from '../util/glob.ts'
import type { EventQueue } from './event-queue.ts'
import { sendEvents, type SenderOptions } from './sender.ts'

/** So many go in one envelope when they have piled up. */
const MAX_EVENTS = 100

export interface WebhookOptions {
  name: string
  actions: readonly ContentAction[]
  /** Of repositories with their registry; one has to match. */
  repositories: readonly Glob[]
  sender: SenderOptions
  queue: EventQueue
  /** Pauses after failures are random below a bound that doubles from the first of these to the second. */
  pauseMs: number
  maxPauseMs: number
  clock: Clock
  events: WebhookEvents
}

/**
 * Sends events to an endpoint, in their order, each until it was taken: more than once where the
 * answer was lost. A new event waits for those before it.
 */
export class Webhook implements FeedListener, AsyncDisposable {
  readonly #options: WebhookOptions
  readonly #lifetime = new AbortController()
  readonly #work: Promise<void>
  #attempt = 0
  #isSending = false
  #delivered = 0
  #failed = 0

  constructor(options: WebhookOptions) {
    this.#options = options
    this.#work = this.#run(this.#lifetime.signal)
  }

  wants(action: ContentAction): boolean {
    return this.#options.actions.includes(action)
  }

  tell(event: ContentEvent): void {
    const { repositories, queue } = this.#options
    const isWanted = repositories.some((pattern) => pattern.test(event.target.repository))
    if (isWanted) queue.add(JSON.stringify(event))
  }

  settle(): Promise<void> {
    return this.#options.queue.settle()
  }

  stats(): WebhookStats {
    const { name, queue } = this.#options
    return {
      name,
      state: this.#attempt > 0 ? 'failing' : this.#isSending ? 'delivering' : 'idle',
      queued: queue.count,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: queue.droppedCount,
    }
  }

  /** What was not delivered stays in the queue. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort()
    await this.#work
    await this.#options.queue[Symbol.asyncDispose]()
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#deliver(signal)
        this.#succeeded()
      } catch (error) {
        if (signal.aborted) return
        await this.#pause(error, signal)
      }
    }
  }

  /** Waits for events and delivers the first. */
  async #deliver(signal: AbortSignal): Promise<void> {
    const { queue, sender, name, events } = this.#options
    const { written } = queue
    const batch = await queue.first(MAX_EVENTS)
    const last = batch.at(-1)
    if (!last) return abortable(written, signal)
    this.#isSending = true
    try {
      await sendEvents(
        sender,
        batch.map(({ event }) => event),
        signal,
      )
    } finally {
      this.#isSending = false
    }
    await queue.remove(last.position)
    this.#delivered += batch.length
    events.delivered(name, batch.length)
  }

  #succeeded(): void {
    if (this.#attempt === 0) return
    this.#attempt = 0
    this.#options.events.changed({
      webhook: this.#options.name,
      isFailing: false,
      error: undefined,
    })
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const { name, pauseMs: baseMs, maxPauseMs: maxMs, clock, events } = this.#options
    const attempt = ++this.#attempt
    const pauseMs = backoffMs(attempt, { baseMs, maxMs })
    this.#failed++
    events.failed({ webhook: name, attempt, pauseMs, error })
    if (attempt === 1) events.changed({ webhook: name, isFailing: true, error })
    try {
      await clock.sleep(pauseMs, signal)
    } catch (reason) {
      if (!signal.aborted) throw reason
    }
  }
}
