import type { RepositoryId, TagSighting } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference, Repository, TagReference } from '../oci/reference.ts'
import { filterReferrers, type ReferrerFilter } from '../oci/referrers.ts'
import type {
  Blob,
  BlobOptions,
  Manifest,
  Outcome,
  Page,
  PullOptions,
  ReferrerList,
  Resolved,
  Source,
  TagList,
} from '../oci/source.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { Absences } from './absences.ts'
import { Blobs } from './blobs.ts'
import type { Departure, Memory } from './departure.ts'
import type { Fills } from './fills.ts'
import type { Freezes } from './freezes.ts'
import type { Holdings } from './holdings.ts'
import { Links } from './links.ts'
import { Manifests } from './manifests.ts'
import { Referrers } from './referrers.ts'
import type { TagPolicy } from './tag-freshness.ts'
import { TagLists } from './tag-lists.ts'
import { type TagQuestions, Tags } from './tags.ts'
import type { Uses } from './uses.ts'
import { WatchedSource } from './watched-source.ts'

export interface MirrorOptions {
  /** The upstream's name, for example `docker.io`. */
  registry: string
  source: Source
  /** The upstream is asked without credentials: what it gives out, anyone may have of it. */
  isPublic: boolean
  /** Whether its budget of pulls is low, so that it is asked only for what a client waits for. */
  isLow: () => boolean
  holdings: Holdings
  fills: Fills
  uses: Uses
  tags: TagPolicy
  freezes: Freezes
  clock: Clock
  events: Events
}

/** One upstream as a source that keeps what passes through it. Blob bodies are verified before their end. */
export class Mirror implements Source, Memory, AsyncDisposable {
  readonly #registry: string
  readonly #source: Source
  readonly #tags: Tags
  readonly #tagLists: TagLists
  readonly #links: Links
  readonly #manifests: Manifests
  readonly #blobs: Blobs
  readonly #referrers: Referrers
  /** Ends what several callers share. */
  readonly #lifetime = new AbortController()

  constructor(options: MirrorOptions) {
    const { registry, clock, tags: policy } = options
    const source = new WatchedSource(options.source, clock)
    const absences = new Absences(clock, policy.absentForMs)
    const { signal } = this.#lifetime
    this.#links = new Links({ ...options, source })
    const shared = { ...options, source, absences, links: this.#links, signal }
    this.#registry = registry
    this.#source = source
    this.#tags = new Tags({
      ...shared,
      policy,
      isUp: () => Number.isFinite(source.silentForMs),
      ask: (ref) => this.#head(ref),
      fetch: (ref, descriptor) => this.#fetched(ref, descriptor),
      looking: (ref) => this.#looking(ref),
    })
    this.#tagLists = new TagLists({ ...shared, freshForMs: policy.freshForMs })
    this.#manifests = new Manifests({
      ...shared,
      onKept: (ref) => this.#referrers.kept(ref),
    })
    this.#blobs = new Blobs(shared)
    this.#referrers = new Referrers({ ...shared, freshForMs: policy.freshForMs })
    options.holdings.inform(this)
  }

  async resolve(ref: Reference, options: PullOptions): Promise<Resolved | undefined> {
    if (ref.kind === 'digest') return this.#manifests.stat(ref, options)
    return this.#tags.resolve(ref, this.#looking(ref), options)
  }

  async manifest(ref: Reference, options: PullOptions): Promise<Manifest | undefined> {
    if (ref.kind === 'digest') return this.#manifests.get(ref, options)
    const questions: TagQuestions = {
      // A tag that nobody knows costs one GET; HEAD first would only add a round trip.
      first: async () => (await this.#manifests.fetch(ref))?.descriptor,
      // One that has moved only counts once its manifest is here: until then the old one stands in.
      moved: (to) => this.#fetched(ref, to),
      held: (from) => this.#fetched(ref, from),
    }
    const tag = await this.#tags.resolve(ref, questions, options)
    if (!tag) return undefined
    const { digest } = tag.descriptor
    const { repository } = ref
    const manifest = await this.#manifests.get({ kind: 'digest', repository, digest }, options)
    if (!manifest || tag.outcome === 'hit') return manifest
    return { ...manifest, outcome: tag.outcome }
  }

  statBlob(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<Resolved | undefined> {
    return this.#blobs.stat(this.#id(repository), digest, options)
  }

  blob(repository: Repository, digest: Digest, options: BlobOptions): Promise<Blob | undefined> {
    return this.#blobs.get(this.#id(repository), digest, options)
  }

  /** Has a blob kept without reading it; see Blobs.fill. */
  fillBlob(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<Outcome | undefined> {
    return this.#blobs.fill(this.#id(repository), digest, options)
  }

  /** Whether the repository can be served the content without asking upstream. */
  holds(repository: Repository, digest: Digest): Promise<boolean> {
    return this.#links.isHeld(this.#id(repository), digest)
  }

  /** Waits until the manifests that were fetched so far are kept, or could not be. */
  settled(): Promise<void> {
    return this.#manifests.settled()
  }

  tags(repository: Repository, page: Page, options: PullOptions): Promise<TagList | undefined> {
    return this.#tagLists.list(repository, page, options)
  }

  async referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    options: PullOptions,
  ): Promise<ReferrerList> {
    const list = await this.#referrers.list({ kind: 'digest', repository, digest }, options)
    return { ...list, referrers: filterReferrers(list.referrers, filter) }
  }

  /** See Tags.heldUntil. */
  heldUntil(ref: TagReference, sighting: TagSighting): number | undefined {
    return this.#tags.heldUntil(ref, sighting)
  }

  /** See Tags.release. */
  release(
    ref: TagReference,
    digest: Digest,
    options: PullOptions,
  ): Promise<Descriptor | undefined> {
    return this.#tags.release(ref, digest, options)
  }

  /** See Tags.unfreeze. */
  unfreeze(ref: TagReference): Promise<void> {
    return this.#tags.unfreeze(ref)
  }

  forget(departure: Departure): void {
    const { digest, names } = departure
    this.#tags.forget(names)
    this.#referrers.forget(departure)
    this.#links.forget(digest)
    this.#manifests.forget(digest)
  }

  /** Ends what is still asked of upstream, and waits until what was fetched is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new Error('the mirror is stopping'))
    await this.#tags[Symbol.asyncDispose]()
    await this.#manifests.kept()
  }

  async #head(ref: TagReference): Promise<Descriptor | undefined> {
    return (await this.#source.resolve(ref, { signal: this.#lifetime.signal }))?.descriptor
  }

  /** Those who watch tags by HEAD must not cost pulls; those who pull may look first. */
  #looking(ref: TagReference): TagQuestions {
    const { repository } = ref
    const { signal } = this.#lifetime
    return {
      first: () => this.#head(ref),
      moved: async (to, from) => {
        const isPulled = await this.#links.isHeld(this.#id(repository), from.digest)
        return isPulled ? this.#fetched(ref, to) : to
      },
      held: async ({ digest }) =>
        (await this.#manifests.stat({ kind: 'digest', repository, digest }, { signal }))
          ?.descriptor,
    }
  }

  async #fetched(
    { repository }: TagReference,
    { digest }: Descriptor,
  ): Promise<Descriptor | undefined> {
    const { signal } = this.#lifetime
    const manifest = await this.#manifests.get({ kind: 'digest', repository, digest }, { signal })
    return manifest?.descriptor
  }

  #id(name: Repository): RepositoryId {
    return { registry: this.#registry, name }
  }
}
