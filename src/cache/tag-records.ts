import { LRUCache } from 'lru-cache'
import type { ContentName, RepositoryId, TagRecord, TagSighting } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { formatReference, type TagReference } from '../oci/reference.ts'
import type { Holdings } from './holdings.ts'

const MAX_REMEMBERED = 20_000

/** What tags of one upstream are served as, from memory or the inventory, whose trouble is no failure. */
export class TagRecords {
  readonly #registry: string
  readonly #holdings: Holdings
  readonly #known = new LRUCache<string, TagRecord>({ max: MAX_REMEMBERED })
  #forgotten = 0

  constructor(registry: string, holdings: Holdings) {
    this.#registry = registry
    this.#holdings = holdings
  }

  async get(ref: TagReference): Promise<TagRecord | undefined> {
    const key = formatReference(ref)
    const known = this.#known.get(key)
    if (known) return known
    const forgotten = this.#forgotten
    const record = await this.#holdings.look(undefined, (inventory) =>
      inventory.tag(this.#id(ref), ref.tag),
    )
    // One that upstream gave meanwhile is newer.
    const newer = this.#known.get(key)
    if (newer) return newer
    // What was forgotten meanwhile may be this.
    if (record && this.#forgotten === forgotten) this.#known.set(key, record)
    return record
  }

  /** Upstream has said what a tag stands for, at the time of the record. */
  async see(ref: TagReference, seen: Descriptor, record: TagRecord): Promise<void> {
    this.#known.set(formatReference(ref), record)
    await this.#holdings.look(seen.digest, (inventory) =>
      inventory.seeTag(this.#id(ref), ref.tag, seen, record),
    )
  }

  /** Empty where the inventory cannot tell. */
  async history(ref: TagReference): Promise<TagSighting[]> {
    const history = await this.#holdings.look(undefined, (inventory) =>
      inventory.history(this.#id(ref), ref.tag),
    )
    return history ?? []
  }

  async drop(ref: TagReference): Promise<void> {
    this.#known.delete(formatReference(ref))
    await this.#holdings.look(undefined, (inventory) => inventory.dropTag(this.#id(ref), ref.tag))
  }

  /** Tags are not on record any more. */
  forget(names: ContentName[]): void {
    this.#forgotten++
    for (const { repository, tags } of names) {
      if (repository.registry !== this.#registry) continue
      for (const tag of tags) {
        this.#known.delete(formatReference({ kind: 'tag', repository: repository.name, tag }))
      }
    }
  }

  #id({ repository }: TagReference): RepositoryId {
    return { registry: this.#registry, name: repository }
  }
}
