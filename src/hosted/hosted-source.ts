import type { Content, Inventory, RepositoryId } from '../inventory/inventory.ts'
import { OCTET_STREAM } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { resolveRange, wholeRange } from '../oci/range.ts'
import type { Reference, Repository } from '../oci/reference.ts'
import { filterReferrers, type ReferrerFilter } from '../oci/referrers.ts'
import type {
  Blob,
  BlobOptions,
  Manifest,
  Page,
  ReferrerList,
  Resolved,
  Source,
  TagList,
} from '../oci/source.ts'
import type { Clock } from '../util/clock.ts'
import type { ContentKeeper, UseRecorder } from './content-keeper.ts'

export interface HostedSourceOptions {
  /** What the inventory knows the hosted repositories under. */
  registry: string
  inventory: Inventory
  keeper: ContentKeeper
  uses: UseRecorder
  clock: Clock
}

/** What was pushed, as a source. Nobody else is ever asked for it. Throws StoreError and InventoryError. */
export class HostedSource implements Source {
  readonly #options: HostedSourceOptions

  constructor(options: HostedSourceOptions) {
    this.#options = options
  }

  async resolve(ref: Reference): Promise<Resolved | undefined> {
    if (ref.kind === 'digest') await this.#renew(this.#id(ref.repository), ref.digest)
    const content = await this.#manifest(ref)
    return content && { descriptor: content, outcome: 'hit' }
  }

  async manifest(ref: Reference): Promise<Manifest | undefined> {
    const content = await this.#manifest(ref)
    const bytes = content && (await this.#options.keeper.readKeptManifest(content))
    return bytes && { descriptor: content, bytes, outcome: 'hit' }
  }

  async statBlob(name: Repository, digest: Digest): Promise<Resolved | undefined> {
    const repository = this.#id(name)
    await this.#renew(repository, digest)
    const content = await this.#linked(repository, digest)
    return content && { descriptor: asBlob(content), outcome: 'hit' }
  }

  async blob(
    name: Repository,
    digest: Digest,
    { range: spec }: BlobOptions,
  ): Promise<Blob | undefined> {
    const content = await this.#linked(this.#id(name), digest)
    if (!content) return undefined
    const range = spec ? resolveRange(spec, content.sizeBytes) : wholeRange(content.sizeBytes)
    const body = await this.#options.keeper.openKept(content, range)
    return body && { descriptor: asBlob(content), range, body, outcome: 'hit' }
  }

  async tags(name: Repository, { limit, after }: Page): Promise<TagList | undefined> {
    const { inventory } = this.#options
    const repository = this.#id(name)
    const all = await inventory.tags(repository)
    if (all.length === 0) {
      // One whose tags were all deleted is still there.
      const query = { repository, kind: 'manifest', after: undefined, limit: 1 } as const
      const [manifest] = await inventory.linked(query)
      return manifest && { tags: [], hasMore: false }
    }
    const rest = after === undefined ? all : all.filter((tag) => tag > after)
    const tags = rest.slice(0, limit)
    return { tags, hasMore: tags.length < rest.length }
  }

  async referrers(name: Repository, digest: Digest, filter: ReferrerFilter): Promise<ReferrerList> {
    const referrers = await this.#options.inventory.referringTo(this.#id(name), digest)
    return { referrers: filterReferrers(referrers, filter), outcome: 'hit' }
  }

  async #manifest(ref: Reference): Promise<Content | undefined> {
    const { inventory } = this.#options
    const repository = this.#id(ref.repository)
    const tagged = ref.kind === 'tag' ? await inventory.tag(repository, ref.tag) : undefined
    const digest = ref.kind === 'digest' ? ref.digest : tagged?.descriptor.digest
    const content = digest && (await this.#linked(repository, digest))
    return content?.kind === 'manifest' ? content : undefined
  }

  /** Who looks whether content is there may be about to push what needs it. */
  async #renew(repository: RepositoryId, digest: Digest): Promise<void> {
    const { inventory, clock } = this.#options
    await inventory.renewLink(digest, repository, clock.now())
  }

  async #linked(repository: RepositoryId, digest: Digest): Promise<Content | undefined> {
    const { inventory, uses } = this.#options
    if (!(await inventory.isLinked(digest, repository))) return undefined
    uses.record(repository, digest)
    return inventory.held(digest)
  }

  #id(name: Repository): RepositoryId {
    return { registry: this.#options.registry, name }
  }
}

function asBlob({ digest, sizeBytes }: Content): Resolved['descriptor'] {
  return { mediaType: OCTET_STREAM, digest, sizeBytes }
}
