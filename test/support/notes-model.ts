import type { EventQueueState, QueuedEvent } from '../../src/inventory/queued-event.ts'
import type { Freeze, Pin, RepositoryId } from '../../src/inventory/inventory.ts'
import type { Tag } from '../../src/oci/reference.ts'
import type { Sample, Span, SpanQuery } from '../../src/inventory/span.ts'
import { tagKeyOf } from './repository-keys.ts'
import { SpansModel } from './spans-model.ts'

/** What an inventory keeps that does not depend on what is held, as simply as it can be said. */
export class NotesModel {
  readonly #freezes = new Map<string, Freeze>()
  readonly #pins = new Map<string, Pin>()
  readonly #jobs = new Map<string, unknown>()
  readonly #spans = new SpansModel()
  #events: QueuedEvent[] = []

  async freezes(): Promise<Freeze[]> {
    const keys = [...this.#freezes.keys()].sort()
    return keys.flatMap((key) => this.#freezes.get(key) ?? [])
  }

  async putFreeze(freeze: Freeze): Promise<void> {
    this.#freezes.set(tagKeyOf(freeze.repository, freeze.tag), freeze)
  }

  async dropFreeze(repository: RepositoryId, tag: Tag): Promise<void> {
    this.#freezes.delete(tagKeyOf(repository, tag))
  }

  async addSample(sample: Sample): Promise<void> {
    this.#spans.add(sample)
  }

  async spans(query: SpanQuery): Promise<Span[]> {
    return this.#spans.list(query)
  }

  async pins(): Promise<Pin[]> {
    return [...this.#pins.values()].sort((a, b) => (a.pattern < b.pattern ? -1 : 1))
  }

  async addPin(pin: Pin): Promise<void> {
    if (!this.#pins.has(pin.pattern)) this.#pins.set(pin.pattern, pin)
  }

  async dropPin(pattern: string): Promise<boolean> {
    return this.#pins.delete(pattern)
  }

  async jobState(job: string): Promise<unknown> {
    return this.#jobs.get(job)
  }

  async putJobState(job: string, state: unknown): Promise<void> {
    this.#jobs.set(job, state)
  }

  async queueEvents(events: readonly QueuedEvent[]): Promise<void> {
    this.#events.push(...events)
  }

  async queuedEvents(webhook: string, limit: number): Promise<QueuedEvent[]> {
    return this.#queueOf(webhook).slice(0, limit)
  }

  async dropEvents(webhook: string, throughPosition: number): Promise<number> {
    const before = this.#events.length
    this.#events = this.#events.filter(
      (event) => event.webhook !== webhook || event.position > throughPosition,
    )
    return before - this.#events.length
  }

  async eventQueues(): Promise<EventQueueState[]> {
    const webhooks = [...new Set(this.#events.map(({ webhook }) => webhook))].sort()
    return webhooks.map((webhook) => {
      const queue = this.#queueOf(webhook)
      return { webhook, count: queue.length, lastPosition: queue.at(-1)?.position ?? 0 }
    })
  }

  #queueOf(webhook: string): QueuedEvent[] {
    const queue = this.#events.filter((event) => event.webhook === webhook)
    return queue.sort((a, b) => a.position - b.position)
  }
}
