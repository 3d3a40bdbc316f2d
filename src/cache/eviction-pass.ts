import { setImmediate } from 'node:timers/promises'
import type { Candidate } from '../inventory/inventory.ts'
import type { EvictionReason } from '../telemetry/events.ts'
import { inEvictionOrder, unusedSince, type Roots } from './eviction-order.ts'
import type { Removable, Removal, WorkListener } from './operations.ts'
import { sumOf } from './sum-of.ts'

export type MayGo = (candidate: Candidate) => boolean

export interface EvictionPassOptions {
  roots: Roots
  /** Evicts a root as far as `mayGo` lets it, or as if; returns what went. */
  evict: (root: Candidate, mayGo: MayGo, reason: EvictionReason) => Promise<Candidate[]>
  /** It ends behind so many. */
  maxImages: number
  /** Called every so often. */
  settle: () => Promise<void>
  listener: WorkListener<Removable>
}

const ROOTS_PER_SETTLEMENT = 100

/** One walk through what may be evicted, the coldest first. It can be stopped between any two roots. */
export class EvictionPass {
  readonly removal: Removal = { images: 0, contents: 0, bytes: 0 }
  readonly #options: EvictionPassOptions
  #steps = 0

  constructor(options: EvictionPassOptions) {
    this.#options = options
  }

  /** Evicts what was not used since. */
  async expire(sinceMs: number): Promise<void> {
    const mayGo: MayGo = (candidate) => candidate.usedAtMs < sinceMs
    for await (const root of unusedSince(this.#options.roots, sinceMs)) {
      await this.#step(root, mayGo, 'ttl')
      if (this.#isFull) return
    }
  }

  /** Evicts until `bytes` have gone; false where less may go. */
  async free(bytes: number, reason: EvictionReason): Promise<boolean> {
    const { listener, roots } = this.#options
    const startBytes = this.removal.bytes
    const freedBytes = () => this.removal.bytes - startBytes
    const isOver = () => this.#isFull || freedBytes() >= bytes
    for (let before = -1; before < freedBytes() && !isOver();) {
      before = freedBytes()
      for await (const root of inEvictionOrder(roots)) {
        // Not what was used since it was listed, nor a part that was used later than the whole.
        await this.#step(root, (candidate) => candidate.usedAtMs <= root.usedAtMs, reason)
        listener.progress({ done: Math.min(freedBytes(), bytes), total: bytes, unit: 'bytes' })
        if (isOver()) break
      }
    }
    return freedBytes() >= bytes
  }

  get #isFull(): boolean {
    return this.removal.images >= this.#options.maxImages
  }

  async #step(root: Candidate, mayGo: MayGo, reason: EvictionReason): Promise<void> {
    const { evict, settle, listener } = this.#options
    listener.signal.throwIfAborted()
    if (this.#steps++ % ROOTS_PER_SETTLEMENT === 0) await settle()
    const gone = await evict(root, mayGo, reason)
    if (gone.length > 0) {
      this.removal.images++
      const { contents, bytes } = sumOf(gone)
      this.removal.contents += contents
      this.removal.bytes += bytes
      await listener.item({ ...root, bytes })
    }
    // Pulls get their turn.
    await setImmediate()
  }
}
