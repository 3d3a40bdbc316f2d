import { goesFirst } from '../../../src/cache/eviction-order.ts'
import type { ImageOrder, Root, Totals } from './image-cache.ts'
import { MinHeap } from './min-heap.ts'

/** Plain LRU. */
export class LruOrder implements ImageOrder {
  readonly #queue = new RootQueue()

  use(root: Root): void {
    this.#queue.use(root)
  }

  next(): Root {
    const root = this.#queue.first()!
    this.#queue.shift()
    return root
  }
}

/** What is shipped, or the same with another share for what was used once. */
export class ShareOrder implements ImageOrder {
  readonly #queues = { once: new RootQueue(), again: new RootQueue() }
  readonly #share: number | undefined

  constructor(share?: number) {
    this.#share = share
  }

  use(root: Root): void {
    this.#queues[usageOf(root)].use(root)
  }

  next(totals: Totals): Root {
    const once = this.#queues.once.first((root) => !root.isReused)
    const root = goesFirst(once, this.#queues.again.first(), totals, this.#share)!
    this.#queues[usageOf(root)].shift()
    return root
  }
}

/** LRU in which what was used once ages so many times as fast as the rest. */
export class AgingOrder implements ImageOrder {
  readonly #queues = { once: new RootQueue(), again: new RootQueue() }
  readonly #factor: number

  constructor(factor: number) {
    this.#factor = factor
  }

  use(root: Root): void {
    this.#queues[usageOf(root)].use(root)
  }

  next(_totals: Totals, nowMs: number): Root {
    const once = this.#queues.once.first((root) => !root.isReused)
    const again = this.#queues.again.first()
    const isOnceOlder =
      !again || (once && (nowMs - once.usedAtMs) * this.#factor >= nowMs - again.usedAtMs)
    const root = (isOnceOlder ? once : again)!
    this.#queues[usageOf(root)].shift()
    return root
  }
}

function usageOf({ isReused }: Root): 'once' | 'again' {
  return isReused ? 'again' : 'once'
}

/** The least recently used first. */
class RootQueue {
  readonly #heap = new MinHeap<Root>()

  use(root: Root): void {
    this.#heap.push(root.usedAtMs, root)
  }

  /** Passes over entries that later uses have replaced, and roots that do not belong here any more. */
  first(belongs: (root: Root) => boolean = () => true): Root | undefined {
    for (;;) {
      const entry = this.#heap.first
      if (!entry) return undefined
      const { key, value: root } = entry
      if (root.isHeld && root.usedAtMs === key && belongs(root)) return root
      this.#heap.shift()
    }
  }

  shift(): void {
    this.#heap.shift()
  }
}
