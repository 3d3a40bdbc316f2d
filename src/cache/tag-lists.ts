import { LRUCache } from 'lru-cache'
import type { Repository } from '../oci/reference.ts'
import type { Page, PullOptions, Source, TagList } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { Holdings } from './holdings.ts'

const MEMORY_BYTES = 16 * 1024 * 1024
/** What a tag takes besides its characters; about as much as a list without tags. */
const OVERHEAD_BYTES = 32

export interface TagListsOptions {
  registry: string
  source: Source
  holdings: Holdings
  clock: Clock
  freshForMs: number
  /** Ends what several callers share. */
  signal: AbortSignal
}

/** Lists of tags: upstream's while they are fresh or it answers, else those that are held. */
export class TagLists {
  readonly #options: TagListsOptions
  readonly #known = new LRUCache<string, { list: TagList; atMs: number }>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: ({ list: { tags } }) =>
      tags.reduce((sum, tag) => sum + tag.length + OVERHEAD_BYTES, OVERHEAD_BYTES),
  })
  readonly #flights = new SingleFlight<TagList | undefined>()

  constructor(options: TagListsOptions) {
    this.#options = options
  }

  /** `undefined` where there is no such repository. Throws what upstream throws where no tag is held. */
  async list(
    repository: Repository,
    page: Page,
    { signal }: PullOptions,
  ): Promise<TagList | undefined> {
    const { clock, freshForMs } = this.#options
    const key = `${repository}?${page.limit ?? ''}&${page.after ?? ''}`
    const known = this.#known.get(key)
    if (known && isWithin(clock.now(), known.atMs, freshForMs)) return known.list
    try {
      const flight = await this.#flights.run(key, signal, () => this.#ask(key, repository, page))
      return flight.value
    } catch (error) {
      if (!(error instanceof UpstreamError) || !error.transient) throw error
      const held = known?.list ?? (await this.#held(repository, page))
      if (!held) throw error
      return held
    }
  }

  async #ask(key: string, repository: Repository, page: Page): Promise<TagList | undefined> {
    const { source, clock, signal } = this.#options
    const list = await source.tags(repository, page, { signal })
    if (list) this.#known.set(key, { list, atMs: clock.now() })
    return list
  }

  async #held(repository: Repository, { limit, after }: Page): Promise<TagList | undefined> {
    const { registry, holdings } = this.#options
    const all = await holdings.look(undefined, (inventory) =>
      inventory.tags({ registry, name: repository }),
    )
    if (!all || all.length === 0) return undefined
    const rest = after === undefined ? all : all.filter((tag) => tag > after)
    const tags = rest.slice(0, limit)
    return { tags, hasMore: tags.length < rest.length }
  }
}
