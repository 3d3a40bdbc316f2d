import type { QueuedEvent } from '../inventory/queued-event.ts'
import type { Inventory } from '../inventory/inventory.ts'
import { InventoryError } from '../inventory/inventory-error.ts'
import type { WebhookEvents } from '../telemetry/webhook-events.ts'
import type { Clock } from '../util/clock.ts'
import { Semaphore } from '../util/semaphore.ts'

/** What nobody waits for is written in batches, so that a thousand pulls a second cost little. */
const WRITE_AFTER_MS = 200
const WRITE_AGAIN_AFTER_MS = 1_000
const NEVER = new AbortController().signal

export interface EventQueueOptions {
  webhook: string
  inventory: Inventory
  /** With more of them the oldest are dropped. */
  maxEvents: number
  clock: Clock
  events: WebhookEvents
}

/** The events that a webhook has not taken yet, in their order, over restarts. */
export class EventQueue implements AsyncDisposable {
  readonly #options: EventQueueOptions
  readonly #lifetime = new AbortController()
  readonly #writes = new Semaphore(1)
  #waiting: QueuedEvent[] = []
  #storedCount: number
  #lastPosition: number
  #droppedCount = 0
  #isFailing = false
  #soon: Promise<void> | undefined
  #written = Promise.withResolvers<void>()

  /** Throws InventoryError. */
  static async open(options: EventQueueOptions): Promise<EventQueue> {
    const queues = await options.inventory.eventQueues()
    const found = queues.find(({ webhook }) => webhook === options.webhook)
    return new EventQueue(options, found?.count ?? 0, found?.lastPosition ?? 0)
  }

  private constructor(options: EventQueueOptions, count: number, lastPosition: number) {
    this.#options = options
    this.#storedCount = count
    this.#lastPosition = lastPosition
    options.events.queued(options.webhook, count)
  }

  get count(): number {
    return this.#storedCount + this.#waiting.length
  }

  /** Since the start. */
  get droppedCount(): number {
    return this.#droppedCount
  }

  /** Resolves with the next write; who looks into the queue after asking for it misses none. */
  get written(): Promise<void> {
    return this.#written.promise
  }

  /** Adds an event, which is written soon. */
  add(event: string): void {
    const { webhook } = this.#options
    this.#waiting.push({ webhook, position: ++this.#lastPosition, event })
    this.#soon ??= this.#writeSoon()
  }

  /** Writes all that was added. Where that fails it is reported, and tried again later. */
  async settle(): Promise<void> {
    using _turn = await this.#writes.acquire(NEVER)
    if (this.#waiting.length > 0) await this.#write()
  }

  /** The first of what is written. Throws InventoryError. */
  async first(limit: number): Promise<QueuedEvent[]> {
    return this.#options.inventory.queuedEvents(this.#options.webhook, limit)
  }

  /** Drops what was taken. Throws InventoryError. */
  async remove(throughPosition: number): Promise<void> {
    await this.#drop(throughPosition)
  }

  /** Writes what waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort()
    await this.#soon
    await this.settle()
  }

  async #writeSoon(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#lifetime
    while (this.#waiting.length > 0 && !signal.aborted) {
      try {
        await clock.sleep(this.#isFailing ? WRITE_AGAIN_AFTER_MS : WRITE_AFTER_MS, signal)
      } catch (error) {
        if (!signal.aborted) throw error
      }
      await this.settle()
    }
    // In the same turn as the last look: what is added in the next one would wait for nobody.
    this.#soon = undefined
  }

  async #write(): Promise<void> {
    const { inventory, maxEvents, webhook, events } = this.#options
    const droppedThrough = this.#lastPosition - maxEvents
    let rest = this.#waiting.filter(({ position }) => position > droppedThrough)
    let dropped = this.#waiting.length - rest.length
    this.#waiting = []
    try {
      await inventory.queueEvents(rest)
      this.#storedCount += rest.length
      rest = []
      if (this.#storedCount > maxEvents) dropped += await this.#drop(droppedThrough)
      this.#isFailing = false
    } catch (error) {
      if (!(error instanceof InventoryError)) throw error
      if (!this.#isFailing) events.queueFailed({ webhook, error })
      this.#isFailing = true
      this.#waiting = [...rest, ...this.#waiting]
    }
    this.#droppedCount += dropped
    if (dropped > 0) events.dropped({ webhook, events: dropped })
    events.queued(webhook, this.count)
    this.#written.resolve()
    this.#written = Promise.withResolvers()
  }

  async #drop(throughPosition: number): Promise<number> {
    const { inventory, webhook, events } = this.#options
    const dropped = await inventory.dropEvents(webhook, throughPosition)
    this.#storedCount -= dropped
    events.queued(webhook, this.count)
    return dropped
  }
}
