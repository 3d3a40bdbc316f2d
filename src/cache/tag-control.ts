import type { Freeze, Inventory, TagSighting, WaitingSighting } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { TagReference } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import type { Freezes } from './freezes.ts'
import type { Holdings } from './holdings.ts'
import type { Mirror } from './mirror.ts'
import { lastServed, servedAt } from './tag-hold.ts'
import type {
  FreezeAt,
  FreezeResult,
  ListedHold,
  Release,
  TagName,
  TagOperations,
} from './tag-operations.ts'

export interface TagControlOptions {
  inventory: Inventory
  holdings: Holdings
  freezes: Freezes
  /** By the names of their registries. */
  mirrors: ReadonlyMap<string, Mirror>
  clock: Clock
  events: Events
}

/** What operators may do to tags, over the mirrors that serve them. */
export class TagControl implements TagOperations {
  readonly #options: TagControlOptions

  constructor(options: TagControlOptions) {
    this.#options = options
  }

  async holds(): Promise<ListedHold[]> {
    const { inventory, freezes, clock } = this.#options
    const holds: ListedHold[] = []
    for (const waiting of await inventory.waiting()) {
      const { repository, tag, sighting } = waiting
      const untilMs = this.#heldUntil(waiting) ?? 0
      if (untilMs <= clock.now() || freezes.of(repository, tag)) continue
      holds.push({
        repository,
        tag,
        served: waiting.served ?? (await this.#lastServed(waiting)),
        waiting: sighting.descriptor.digest,
        knownSinceMs: sighting.firstSeenMs,
        untilMs,
      })
    }
    return holds
  }

  /** How many `holds` lists; `undefined` where the inventory cannot tell, which is reported. */
  async heldCount(): Promise<number | undefined> {
    return (await this.#options.holdings.look(undefined, () => this.holds()))?.length
  }

  async release(name: TagName, signal: AbortSignal): Promise<Release> {
    const { inventory, freezes } = this.#options
    const { repository, tag } = name
    if (freezes.of(repository, tag)) return { outcome: 'frozen' }
    const mirror = this.#mirrorOf(name)
    const [last] = await inventory.history(repository, tag)
    if (!mirror || !last || last.servedSinceMs !== undefined) return { outcome: 'absent' }
    const { digest } = last.descriptor
    const served = await mirror.release(referenceTo(name), digest, { signal })
    return served?.digest === digest ? { outcome: 'released', digest } : { outcome: 'moved' }
  }

  history({ repository, tag }: TagName): Promise<TagSighting[]> {
    return this.#options.inventory.history(repository, tag)
  }

  freezes(): Promise<Freeze[]> {
    return this.#options.freezes.list()
  }

  async freeze(
    name: TagName,
    at: FreezeAt | undefined,
    signal: AbortSignal,
  ): Promise<FreezeResult> {
    const { freezes, clock, events } = this.#options
    const mirror = this.#mirrorOf(name)
    if (!mirror) return { outcome: 'unmirrored' }
    const digest = await this.#digestAt(name, at, mirror, signal)
    if (!digest) return { outcome: 'unknown' }
    const { repository, tag } = name
    const found = await mirror.resolve(
      { kind: 'digest', repository: repository.name, digest },
      { signal },
    )
    if (!found) return { outcome: 'gone' }
    await freezes.put({ ...name, descriptor: found.descriptor, createdAtMs: clock.now() })
    // So that it is on record as that, for the listing and for pins, before somebody pulls it.
    await mirror.resolve(referenceTo(name), { signal })
    events.tags.frozen({ upstream: repository.registry, repository: repository.name, tag, digest })
    return { outcome: 'frozen', digest }
  }

  async unfreeze(name: TagName): Promise<boolean> {
    const { freezes, events } = this.#options
    const { repository, tag } = name
    if (!freezes.of(repository, tag)) return false
    await freezes.remove(repository, tag)
    await this.#mirrorOf(name)?.unfreeze(referenceTo(name))
    events.tags.unfrozen({ upstream: repository.registry, repository: repository.name, tag })
    return true
  }

  async #digestAt(
    name: TagName,
    at: FreezeAt | undefined,
    mirror: Mirror,
    signal: AbortSignal,
  ): Promise<Digest | undefined> {
    const { inventory } = this.#options
    if (at && 'digest' in at) return at.digest
    if (at) return servedAt(await this.history(name), at.atMs)?.descriptor.digest
    // Not what upstream may have moved it to by now: who freezes may fear just that.
    const record = await inventory.tag(name.repository, name.tag)
    const found = record ?? (await mirror.resolve(referenceTo(name), { signal }))
    return found?.descriptor.digest
  }

  async #lastServed(name: TagName): Promise<Digest | undefined> {
    return lastServed(await this.history(name))?.descriptor.digest
  }

  #heldUntil({ sighting, ...name }: WaitingSighting): number | undefined {
    return this.#mirrorOf(name)?.heldUntil(referenceTo(name), sighting)
  }

  #mirrorOf({ repository }: TagName): Mirror | undefined {
    return this.#options.mirrors.get(repository.registry)
  }
}

function referenceTo({ repository, tag }: TagName): TagReference {
  return { kind: 'tag', repository: repository.name, tag }
}
