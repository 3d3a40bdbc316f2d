import type { ContentKind, Inventory } from '../inventory/inventory.ts'
import { nameIn } from '../inventory/name-in.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import { abortable } from '../util/abortable.ts'
import { tellEvicted } from './content-changes.ts'
import type { Holdings } from './holdings.ts'
import type { Purged, PurgeTarget, WorkListener } from './operations.ts'
import { sumOf } from './sum-of.ts'

const CONTENTS_PER_QUERY = 100

type RepositoryId = PurgeTarget['repository']

export interface PurgeOptions {
  inventory: Inventory
  holdings: Holdings
  /** Those that give out whatever they have without credentials. */
  publicRegistries: ReadonlySet<string>
  events: Events
}

/**
 * Takes from a repository what is cached under a name, pinned or not, with all that only it needs
 * there; who reads it reads on. A tag stands for nothing any more, and its image goes where it has
 * no other name there; a digest goes with its tags; a repository with all of its tags and contents.
 * What nobody needs any more is freed: what other repositories need is theirs alone. Goes on
 * without its listener. Throws InventoryError.
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
  readonly #purged: Purged = { tags: 0, images: 0, contents: 0, bytes: 0, unlinked: 0 }

  constructor(options: PurgeOptions) {
    this.#options = options
  }

  async run({ repository, target }: PurgeTarget, listener: WorkListener<never>): Promise<Purged> {
    if (target === undefined) await this.#takeAll(repository, listener)
    else await this.#take(repository, target)
    return this.#purged
  }

  async #takeAll(repository: RepositoryId, listener: WorkListener<never>): Promise<void> {
    const { inventory } = this.#options
    for (const tag of await inventory.tags(repository)) await this.#take(repository, tag)
    let done = 0
    for (const kind of ['manifest', 'blob'] as const) {
      for await (const digest of this.#linked(repository, kind)) {
        await this.#take(repository, digest)
        listener.progress({ done: ++done, total: undefined, unit: 'contents' })
      }
    }
  }

  async #take(repository: RepositoryId, target: Tag | Digest): Promise<void> {
    const { holdings, publicRegistries, events } = this.#options
    const isPublic = publicRegistries.has(repository.registry)
    const { tags, taken, gone } = await holdings.take({ repository, target, isPublic })
    const [image] = taken
    this.#purged.tags += tags.length
    const goneDigests = new Set(gone.map((content) => content.digest))
    this.#purged.unlinked += taken.filter(
      (content) => nameIn(content.names, repository) && !goneDigests.has(content.digest),
    ).length
    const [freed] = gone
    if (freed) {
      const { digest, kind } = freed
      const { contents, bytes } = sumOf(gone)
      if (kind === 'manifest') this.#purged.images++
      this.#purged.contents += contents
      this.#purged.bytes += bytes
      events.evicted({ reason: 'purge', digest, contents, bytes })
    }
    const names = [{ repository, tags: tags.map(({ tag }) => tag) }]
    if (image) tellEvicted(events.feed, { ...image, names })
  }

  async *#linked(repository: RepositoryId, kind: ContentKind): AsyncIterable<Digest> {
    const { inventory } = this.#options
    let after: Digest | undefined
    do {
      const page = await inventory.linked({ repository, kind, after, limit: CONTENTS_PER_QUERY })
      for (const { digest } of page) yield digest
      after = page.at(-1)?.digest
    } while (after)
  }
}
