import { LRUCache } from 'lru-cache'
import type { Content, ContentKind, RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/reference.ts'
import type { Source } from '../oci/source.ts'
import type { Clock } from '../util/clock.ts'
import type { Holdings } from './holdings.ts'

/** Contents whose links are remembered; each costs about 400 bytes. */
const MAX_REMEMBERED = 50_000

export interface LinksOptions {
  source: Source
  holdings: Holdings
  /** The upstream is asked without credentials: what it gives out, anyone may have of it. */
  isPublic: boolean
  clock: Clock
}

interface Known {
  content: Content
  scopes: Set<string>
}

/** Knows which content that is held a repository may serve. */
export class Links {
  readonly #options: LinksOptions
  readonly #known = new LRUCache<Digest, Known>({ max: MAX_REMEMBERED })
  #forgotten = 0

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
    const scope = this.scopeOf(repository.name)
    const known = this.#known.get(digest)
    if (known?.scopes.has(scope) && isOfKind(known.content, kind)) return known.content
    const forgotten = this.#forgotten
    const { holdings } = this.#options
    const content = await holdings.look(digest, (inventory) => inventory.held(digest))
    if (!content || !isOfKind(content, kind)) return undefined
    if (!(await this.#mayServe(repository, digest, kind, signal))) return undefined
    // What has gone meanwhile may be this.
    if (this.#forgotten === forgotten) this.#remember(content, scope)
    return content
  }

  /** What repositories have in common that may serve the same: those of a public upstream have all. */
  scopeOf(repository: Repository): string {
    return this.#options.isPublic ? '' : repository
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

  /** Content is gone, or is other than it was remembered. */
  forget(digest: Digest): void {
    this.#forgotten++
    this.#known.delete(digest)
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

  #remember(content: Content, scope: string): void {
    const scopes = this.#known.get(content.digest)?.scopes ?? new Set()
    this.#known.set(content.digest, { content, scopes: scopes.add(scope) })
  }

  async #mayServe(
    repository: RepositoryId,
    digest: Digest,
    kind: ContentKind,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (await this.isHeld(repository, digest)) return true
    if (!(await this.#hasUpstream(repository, digest, kind, signal))) return false
    const { holdings, clock } = this.#options
    await holdings.look(digest, (inventory) => inventory.link(digest, repository, clock.now()))
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

/** A manifest may be asked for as a blob, but its type is only known where it came as a manifest. */
function isOfKind(content: Content, kind: ContentKind): boolean {
  return kind === 'blob' || content.kind === 'manifest'
}
