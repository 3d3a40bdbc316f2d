import { isDeepStrictEqual } from 'node:util'
import type {
  Candidate,
  Inventory,
  InventoryTotals,
  RootQuery,
  Usage,
} from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Roots } from './eviction-order.ts'
import type { MayGo } from './eviction-pass.ts'

/** Says what evicting root after root would take, and takes nothing. */
export class EvictionPreview implements Roots {
  readonly #inventory: Inventory
  /** How many manifests would still name contents, some of whose parents would have gone. */
  readonly #parentsLeft = new Map<Digest, number>()
  /** Roots that are still listed, and would have gone. */
  readonly #taken = new Set<Digest>()
  readonly #listed = new Map<Usage, { query: RootQuery; roots: Promise<Candidate[]> }>()
  readonly #gone: InventoryTotals = { bytes: 0, entries: 0, onceBytes: 0 }

  constructor(inventory: Inventory) {
    this.#inventory = inventory
  }

  /** Of two that might go first, one comes later, and is not read again until then. */
  roots(query: RootQuery): Promise<Candidate[]> {
    const last = this.#listed.get(query.usage)
    if (last && isDeepStrictEqual(last.query, query)) return last.roots
    const roots = this.#inventory.roots(query)
    this.#listed.set(query.usage, { query, roots })
    return roots
  }

  async totals(): Promise<InventoryTotals> {
    const { bytes, entries, onceBytes } = await this.#inventory.totals()
    return {
      bytes: bytes - this.#gone.bytes,
      entries: entries - this.#gone.entries,
      onceBytes: onceBytes - this.#gone.onceBytes,
    }
  }

  async evict(root: Candidate, mayGo: MayGo): Promise<Candidate[]> {
    const gone: Candidate[] = []
    let level = this.#taken.has(root.digest) ? [] : [root]
    while (level.length > 0) {
      const going = level.filter(mayGo)
      gone.push(...going)
      level = []
      for (const { digest } of going) level.push(...(await this.#orphansOf(digest)))
    }
    for (const { digest, sizeBytes, usage } of gone) {
      this.#taken.add(digest)
      this.#gone.entries++
      this.#gone.bytes += sizeBytes
      if (usage === 'once') this.#gone.onceBytes += sizeBytes
    }
    return gone
  }

  async #orphansOf(parent: Digest): Promise<Candidate[]> {
    const orphans: Candidate[] = []
    for (const child of await this.#inventory.children(parent)) {
      const left = (this.#parentsLeft.get(child.digest) ?? child.parents) - 1
      this.#parentsLeft.set(child.digest, left)
      if (left === 0) orphans.push({ ...child, parents: 0 })
    }
    return orphans
  }
}
