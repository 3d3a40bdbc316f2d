import type { Digest } from '../oci/digest.ts'
import type { Reference, Repository, Tag } from '../oci/reference.ts'
import type { ReferrerFilter } from '../oci/referrers.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type {
  Blob,
  BlobOptions,
  Manifest,
  Page,
  PullOptions,
  ReferrerList,
  Resolved,
  Source,
  TagList,
} from '../oci/source.ts'
import type { Rules } from './rules.ts'

/** Pages without a tag that is allowed which one question of a client may cost. */
const MAX_REFUSED_PAGES = 100

const LARGE_PAGE = 1000

/**
 * A source that first asks the rules. What they refuse throws RegistryError `DENIED` with the
 * rule, and the source is asked nothing; tags that are refused are left out of lists.
 */
export class Guard implements Source {
  readonly #source: Source
  readonly #rules: Rules

  constructor(source: Source, rules: Rules) {
    this.#source = source
    this.#rules = rules
  }

  async resolve(ref: Reference, options: PullOptions): Promise<Resolved | undefined> {
    this.#demand(ref)
    return this.#source.resolve(ref, options)
  }

  async manifest(ref: Reference, options: PullOptions): Promise<Manifest | undefined> {
    this.#demand(ref)
    return this.#source.manifest(ref, options)
  }

  async statBlob(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<Resolved | undefined> {
    this.#demand({ repository })
    return this.#source.statBlob(repository, digest, options)
  }

  async blob(
    repository: Repository,
    digest: Digest,
    options: BlobOptions,
  ): Promise<Blob | undefined> {
    this.#demand({ repository })
    return this.#source.blob(repository, digest, options)
  }

  /**
   * Never a page without a tag that has others behind it: the last tag is where the next begins.
   * After very many tags in a row that are refused the list is taken to be at its end.
   */
  async tags(
    repository: Repository,
    page: Page,
    options: PullOptions,
  ): Promise<TagList | undefined> {
    this.#demand({ repository })
    let next = page
    for (let pages = 1; ; pages++) {
      const list = await this.#source.tags(repository, next, options)
      if (!list) return undefined
      const allowed = list.tags.filter((tag) => !this.#rules.refusalOf(repository, tag))
      const tags = allowed.slice(0, page.limit)
      const last = list.tags.at(-1)
      if (tags.length > 0 || !list.hasMore || last === undefined) {
        return { ...list, tags, hasMore: list.hasMore || tags.length < allowed.length }
      }
      if (pages === MAX_REFUSED_PAGES) return { ...list, tags, hasMore: false }
      // A client that wants one tag must not cost upstream a question for each that it may not have.
      next = { limit: Math.max(page.limit ?? 0, LARGE_PAGE), after: last }
    }
  }

  async referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    options: PullOptions,
  ): Promise<ReferrerList> {
    this.#demand({ repository })
    return this.#source.referrers(repository, digest, filter, options)
  }

  #demand({ repository, tag }: { repository: Repository; tag?: Tag }): void {
    const refusal = this.#rules.refusalOf(repository, tag)
    if (refusal !== undefined) throw new RegistryError('DENIED', refusal)
  }
}
