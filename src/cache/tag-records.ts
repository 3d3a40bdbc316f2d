import { LRUCache } from 'lru-cache'
import type {
  ContentName,
  Freeze,
  RepositoryId,
  TagRecord,
  TagSighting,
} from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { formatReference, type TagReference } from '../oci/reference.ts'
import type { Freezes } from './freezes.ts'
import type { Holdings } from './holdings.ts'
import { lastServed } from './tag-hold.ts'

const MAX_REMEMBERED = 20_000

export interface TagRecordsOptions {
  registry: string
  holdings: Holdings
  freezes: Freezes
}

/** What tags of one upstream are served as, from memory or the inventory, whose trouble is no failure. */
export class TagRecords {
  readonly #registry: string
  readonly #holdings: Holdings
  readonly #freezes: Freezes
  readonly #known = new LRUCache<string, TagRecord>({ max: MAX_REMEMBERED })
  #forgotten = 0

  constructor({ registry, holdings, freezes }: TagRecordsOptions) {
    this.#registry = registry
    this.#holdings = holdings
    this.#freezes = freezes
  }

  /** A tag that is frozen is on record as that, and as fresh for ever. */
  async get(ref: TagReference): Promise<TagRecord | undefined> {
    const record = await this.#get(ref)
    const descriptor = this.#freezeOf(ref)?.descriptor
    if (!descriptor) return record
    if (record?.descriptor.digest !== descriptor.digest) {
      await this.#put(ref, { descriptor, checkedAtMs: record?.checkedAtMs ?? 0 })
    }
    return { descriptor, checkedAtMs: Infinity }
  }

  isFrozen(ref: TagReference): boolean {
    return this.#freezeOf(ref) !== undefined
  }

  /** A tag that was frozen is again what it was when upstream was last asked. */
  async unfreeze(ref: TagReference): Promise<void> {
    const history = await this.history(ref)
    const [checked] = history
    const served = lastServed(history)
    if (!checked || !served) return this.drop(ref)
    return this.#put(ref, { descriptor: served.descriptor, checkedAtMs: checked.lastSeenMs })
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

  async #get(ref: TagReference): Promise<TagRecord | undefined> {
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

  async #put(ref: TagReference, record: TagRecord): Promise<void> {
    this.#known.set(formatReference(ref), record)
    await this.#holdings.look(record.descriptor.digest, (inventory) =>
      inventory.putTag(this.#id(ref), ref.tag, record),
    )
  }

  #freezeOf(ref: TagReference): Freeze | undefined {
    return this.#freezes.of(this.#id(ref), ref.tag)
  }

  #id({ repository }: TagReference): RepositoryId {
    return { registry: this.#registry, name: repository }
  }
}
