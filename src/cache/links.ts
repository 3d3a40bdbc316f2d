import { LRUCache } from 'lru-cache'
import type { Content, ContentKind, RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Source } from '../oci/source.ts'
import type { Holdings } from './holdings.ts'

/** Links that are remembered; each costs about 300 bytes. */
const MAX_REMEMBERED = 50_000

export interface LinksOptions {
  source: Source
  holdings: Holdings
  /** The upstream is asked without credentials: what it gives out, anyone may have of it. */
  isPublic: boolean
}

/** Knows which content that is held a repository may serve. */
export class Links {
  readonly #options: LinksOptions
  readonly #known = new LRUCache<string, Content>({ max: MAX_REMEMBERED })

  constructor(options: LinksOptions) {
    this.#options = options
  }

  /**
   * Content that is held and that the repository may serve. Where the link is missing, upstream
   * decides: if the repository has the content there, it is linked. Throws what upstream throws.
   */
  async find(
    repository: RepositoryId,
    digest: Digest,
    kind: ContentKind,
    signal: AbortSignal,
  ): Promise<Content | undefined> {
    const key = `${repository.name}@${digest}`
    const known = this.#known.get(key)
    if (known) return known
    const { holdings } = this.#options
    const content = await holdings.look(digest, (inventory) => inventory.held(digest))
    // A manifest may be asked for as a blob, but its type is only known where it came as a manifest.
    if (!content || (kind === 'manifest' && content.kind !== 'manifest')) return undefined
    if (!(await this.#mayServe(repository, digest, kind, signal))) return undefined
    this.#known.set(key, content)
    return content
  }

  /** True where the repository may be given what a fill through `through` is getting. Throws what upstream throws. */
  async mayJoin(
    repository: RepositoryId,
    through: RepositoryId,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (repository.registry === through.registry) {
      if (repository.name === through.name || this.#options.isPublic) return true
    }
    return this.#hasUpstream(repository, digest, 'blob', signal)
  }

  /** Forgets what was remembered of content that is gone. */
  drop(repository: RepositoryId, digest: Digest): void {
    this.#known.delete(`${repository.name}@${digest}`)
  }

  /** True where the repository can be served the content without asking upstream. */
  async isHeld(repository: RepositoryId, digest: Digest): Promise<boolean> {
    const { holdings, isPublic } = this.#options
    const isHeld = await holdings.look(digest, async (inventory) => {
      if (await inventory.isLinked(digest, repository)) return true
      return isPublic && inventory.isLinkedWithin(digest, repository.registry)
    })
    return isHeld ?? false
  }

  async #mayServe(
    repository: RepositoryId,
    digest: Digest,
    kind: ContentKind,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (await this.isHeld(repository, digest)) return true
    if (!(await this.#hasUpstream(repository, digest, kind, signal))) return false
    const { holdings } = this.#options
    await holdings.look(digest, (inventory) => inventory.link(digest, repository))
    return true
  }

  async #hasUpstream(
    { name }: RepositoryId,
    digest: Digest,
    kind: ContentKind,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { source } = this.#options
    const found =
      kind === 'manifest'
        ? await source.resolve({ kind: 'digest', repository: name, digest }, { signal })
        : await source.statBlob(name, digest, { signal })
    return found !== undefined
  }
}
