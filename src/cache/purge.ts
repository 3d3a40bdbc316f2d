import type { Candidate, ContentName, Image, Inventory } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import { isDigest, type Tag } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import { abortable } from '../util/abortable.ts'
import { tellEvicted } from './content-changes.ts'
import type { Holdings } from './holdings.ts'
import type { Purged, PurgeTarget, WorkListener } from './operations.ts'
import { sumOf } from './sum-of.ts'

const IMAGES_PER_QUERY = 100

type RepositoryId = PurgeTarget['repository']

export interface PurgeOptions {
  inventory: Inventory
  holdings: Holdings
  events: Events
}

/**
 * Removes what is cached under a name, pinned or not, with all that only it needs; who reads it
 * reads on. A tag stands for nothing any more, and its image goes where it has no other name; a
 * digest goes with its tags; a repository with all of its tags and images. What other images or
 * repositories need stays. Goes on without its listener. Throws InventoryError.
 */
export function purge(
  options: PurgeOptions,
  target: PurgeTarget,
  listener: WorkListener<never>,
): Promise<Purged> {
  const work = new Purge(options).run(target, listener)
  // Where nobody waits for it any more, its failure is lost.
  work.catch(() => undefined)
  return abortable(work, listener.signal)
}

class Purge {
  readonly #options: PurgeOptions
  readonly #purged: Purged = { tags: 0, images: 0, contents: 0, bytes: 0 }

  constructor(options: PurgeOptions) {
    this.#options = options
  }

  async run({ repository, target }: PurgeTarget, listener: WorkListener<never>): Promise<Purged> {
    if (target === undefined) await this.#purgeRepository(repository, listener)
    else if (isDigest(target)) await this.#remove(repository, target)
    else await this.#purgeTag(repository, target)
    return this.#purged
  }

  async #purgeRepository(repository: RepositoryId, listener: WorkListener<never>): Promise<void> {
    const { inventory } = this.#options
    for (const tag of await inventory.tags(repository)) await this.#purgeTag(repository, tag)
    let done = 0
    for await (const { digest } of this.#imagesOf(repository)) {
      await this.#remove(repository, digest)
      listener.progress({ done: ++done, total: undefined, unit: 'images' })
    }
  }

  async #purgeTag(repository: RepositoryId, tag: Tag): Promise<void> {
    const { inventory, holdings } = this.#options
    const record = await inventory.tag(repository, tag)
    if (!record) return
    await holdings.dropTag(repository, tag)
    this.#purged.tags++
    await this.#remove(repository, record.descriptor.digest, ({ tags }) => tags.length === 0)
  }

  /** Removes content that nothing else needs. */
  async #remove(
    repository: RepositoryId,
    digest: Digest,
    mayLose: (name: ContentName) => boolean = () => true,
  ): Promise<void> {
    const { holdings, events } = this.#options
    const isOwn = ({ repository: { registry, name } }: ContentName) =>
      registry === repository.registry && name === repository.name
    const mayGo = ({ parents, names }: Candidate) =>
      parents === 0 && names.every((name) => isOwn(name) && mayLose(name))
    const gone = await holdings.evict(digest, mayGo)
    const [image] = gone
    if (!image) return
    const { contents, bytes } = sumOf(gone)
    for (const { tags } of image.names) this.#purged.tags += tags.length
    this.#purged.images++
    this.#purged.contents += contents
    this.#purged.bytes += bytes
    events.evicted({ reason: 'purge', digest, contents, bytes })
    tellEvicted(events.feed, image)
  }

  async *#imagesOf(repository: RepositoryId): AsyncIterable<Image> {
    let after: Image | undefined
    do {
      const query = { repository, after, limit: IMAGES_PER_QUERY }
      const page = await this.#options.inventory.images(query)
      yield* page
      after = page.length === IMAGES_PER_QUERY ? page.at(-1) : undefined
    } while (after)
  }
}
