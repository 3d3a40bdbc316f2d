import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import {
  type ContentAction,
  type ContentChange,
  contentEvent,
  type ContentEvent,
} from './content-event.ts'

/** Somebody who wants to know what becomes of content. Nothing here may throw or reject. */
export interface FeedListener {
  /** False for what it would only throw away. */
  wants(action: ContentAction): boolean
  /** Does not wait for anything. */
  tell(event: ContentEvent): void
  /** Resolves once all that it was told will be known after a restart too, if it can be. */
  settle(): Promise<void>
}

/** What is pushed, pulled, deleted, mirrored and evicted, for all who listen. */
export class ContentFeed {
  readonly #source = { addr: hostname(), instanceID: randomUUID() }
  readonly #listeners = new Set<FeedListener>()

  listen(listener: FeedListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  wants(action: ContentAction): boolean {
    return [...this.#listeners].some((listener) => listener.wants(action))
  }

  tell(change: ContentChange): void {
    const wanting = [...this.#listeners].filter((listener) => listener.wants(change.action))
    if (wanting.length === 0) return
    const event = contentEvent(change, this.#source)
    for (const listener of wanting) listener.tell(event)
  }

  /** See FeedListener.settle. */
  async settle(): Promise<void> {
    await Promise.all(Array.from(this.#listeners, (listener) => listener.settle()))
  }
}
