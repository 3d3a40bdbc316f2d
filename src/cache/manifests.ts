import { LRUCache } from 'lru-cache'
import type { RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import {
  isForeignLayer,
  isImage,
  isIndexType,
  parseManifest,
  parseManifestType,
  type ManifestContent,
} from '../oci/manifest.ts'
import {
  formatReference,
  type DigestReference,
  type Reference,
  type Repository,
} from '../oci/reference.ts'
import type { Manifest, Outcome, PullOptions, Resolved } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Clock } from '../util/clock.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { Absences } from './absences.ts'
import type { Holdings } from './holdings.ts'
import type { Links } from './links.ts'
import type { Uses } from './uses.ts'
import type { WatchedSource } from './watched-source.ts'

/** Memory for manifests that are served without touching the store. */
const MEMORY_BYTES = 64 * 1024 * 1024
const ENTRY_OVERHEAD_BYTES = 1024

/** A manifest that could not be kept, as with a full disk, is tried again after this long. */
const KEEP_AGAIN_AFTER_MS = 60_000

/** Upstream counts as reachable for this long after an answer. */
const REACHABLE_FOR_MS = 60_000

export interface ManifestsOptions {
  registry: string
  source: WatchedSource
  holdings: Holdings
  links: Links
  uses: Uses
  absences: Absences
  clock: Clock
  /** Told of every manifest that is kept. */
  onKept: (ref: DigestReference) => Promise<void>
  /** Ends what several callers share. */
  signal: AbortSignal
}

interface Remembered {
  /** Its outcome is `hit`, for everyone who finds it in memory. */
  manifest: Manifest
  content: ManifestContent
  /**
   * By scope of those who may be given it: the losses up to which everything that a client needs
   * of it was held there.
   */
  wholeAtLoss: Map<string, number | undefined>
  /** From when on it is to be kept, where that has failed. */
  keepAgainAtMs: number | undefined
}

interface Loaded {
  remembered: Remembered
  outcome: Outcome
}

/** The manifests of one upstream, by digest: from memory, from the store, or from upstream. */
export class Manifests {
  readonly #options: ManifestsOptions
  readonly #memory = new LRUCache<Digest, Remembered>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: ({ manifest }) => manifest.bytes.length + ENTRY_OVERHEAD_BYTES,
  })
  readonly #loads = new SingleFlight<Loaded | undefined>()
  readonly #asks = new SingleFlight<Resolved | undefined>()
  readonly #keeping = new Set<Promise<void>>()
  #forgotten = 0

  constructor(options: ManifestsOptions) {
    this.#options = options
  }

  async get(ref: DigestReference, { signal }: PullOptions): Promise<Manifest | undefined> {
    const { absences, uses } = this.#options
    const known = this.#known(ref)
    if (known) {
      uses.record(this.#id(ref), ref.digest)
      if (known.keepAgainAtMs !== undefined) this.#keepAgain(ref, known, known.keepAgainAtMs)
      return (await this.#isOwed(ref, known, signal)) ? known.manifest : undefined
    }
    const key = formatReference(ref)
    if (absences.has(key)) return undefined
    const { value, joined } = await this.#loads.run(key, signal, () => this.#load(ref))
    if (!value) return undefined
    // Before it is given out, so that it is not evicted in between.
    uses.record(this.#id(ref), ref.digest)
    if (!(await this.#isOwed(ref, value.remembered, signal))) return undefined
    const outcome = joined && value.outcome === 'miss' ? 'join' : value.outcome
    return { ...value.remembered.manifest, outcome }
  }

  /** What upstream or the mirror has of a manifest, without its bytes; fetches nothing. */
  async stat(ref: DigestReference, options: PullOptions): Promise<Resolved | undefined> {
    const { links, absences } = this.#options
    const key = formatReference(ref)
    const isHeld =
      this.#known(ref) !== undefined ||
      (await links.find(this.#id(ref), ref.digest, 'manifest', options.signal))
    if (isHeld) return this.get(ref, options)
    if (absences.has(key)) return undefined
    const resolved = await this.#ask(ref, options.signal)
    if (!resolved) absences.add(key)
    return resolved
  }

  /** Gets a manifest from upstream, remembers it, and has it kept in the background. */
  async fetch(ref: Reference): Promise<Manifest | undefined> {
    const { source, absences } = this.#options
    const manifest = await source.manifest(ref, { signal: this.#options.signal })
    if (!manifest) {
      absences.add(formatReference(ref))
      return undefined
    }
    this.#keep(ref, this.#remember(ref, manifest))
    return manifest
  }

  /** Waits until everything that was fetched is kept. */
  async kept(): Promise<void> {
    while (this.#keeping.size > 0) await this.settled()
  }

  /** Waits until what was fetched so far is kept, or could not be. */
  async settled(): Promise<void> {
    await Promise.all(this.#keeping)
  }

  /** A manifest is gone. */
  forget(digest: Digest): void {
    this.#forgotten++
    this.#memory.delete(digest)
  }

  async #load(ref: DigestReference): Promise<Loaded | undefined> {
    const stored = await this.#fromStore(ref)
    if (stored) return { remembered: stored, outcome: 'hit' }
    const manifest = await this.fetch(ref)
    return manifest && { remembered: this.#remember(ref, manifest), outcome: 'miss' }
  }

  async #fromStore(ref: DigestReference): Promise<Remembered | undefined> {
    const { holdings, links } = this.#options
    const { digest } = ref
    const forgotten = this.#forgotten
    const content = await links.find(this.#id(ref), digest, 'manifest', this.#options.signal)
    const bytes = content && (await holdings.readManifest(content))
    if (!bytes) return undefined
    const { mediaType, sizeBytes } = content
    const descriptor = { mediaType, digest, sizeBytes }
    const manifest = { descriptor, bytes, outcome: 'hit' } as const
    // What was forgotten meanwhile may be this.
    return this.#forgotten === forgotten ? this.#remember(ref, manifest) : this.#read(ref, manifest)
  }

  #known({ repository, digest }: DigestReference): Remembered | undefined {
    const known = this.#memory.get(digest)
    return known?.wholeAtLoss.has(this.#options.links.scopeOf(repository)) ? known : undefined
  }

  /** The same bytes are remembered once, for everyone who was let to them. */
  #remember(ref: Reference, manifest: Manifest): Remembered {
    const { digest } = manifest.descriptor
    const remembered = this.#memory.get(digest) ?? this.#read(ref, manifest)
    const { wholeAtLoss } = remembered
    const scope = this.#options.links.scopeOf(ref.repository)
    if (!wholeAtLoss.has(scope)) wholeAtLoss.set(scope, undefined)
    this.#memory.set(digest, remembered)
    return remembered
  }

  #read({ repository }: Reference, manifest: Manifest): Remembered {
    const { mediaType, digest } = manifest.descriptor
    const type = parseManifestType(mediaType)
    const content = type && parseManifest(type, manifest.bytes)
    if (!content) {
      const what = `${repository}@${digest} is not a manifest of type ${mediaType}`
      throw new UpstreamError(this.#options.registry, 'invalid', what)
    }
    return {
      manifest: { ...manifest, outcome: 'hit' },
      content,
      wholeAtLoss: new Map(),
      keepAgainAtMs: undefined,
    }
  }

  #keep(ref: Reference, remembered: Remembered): void {
    remembered.keepAgainAtMs = undefined
    const keeping = this.#keepNow(ref, remembered).finally(() => this.#keeping.delete(keeping))
    this.#keeping.add(keeping)
  }

  async #keepNow(ref: Reference, remembered: Remembered): Promise<void> {
    const { holdings, clock, onKept } = this.#options
    const { repository } = ref
    const { descriptor, bytes } = remembered.manifest
    const children = [...remembered.content.manifests, ...remembered.content.blobs]
    const isKept = await holdings.keepManifest(this.#id(ref), descriptor, bytes, children)
    if (isKept) await onKept({ kind: 'digest', repository, digest: descriptor.digest })
    else remembered.keepAgainAtMs = clock.now() + KEEP_AGAIN_AFTER_MS
  }

  #keepAgain(ref: Reference, remembered: Remembered, fromMs: number): void {
    if (this.#options.clock.now() >= fromMs) this.#keep(ref, remembered)
  }

  /**
   * Whether a manifest that is held may be given out. Clients hold on to a mirror that has given
   * them a manifest, so trouble has to be told here: where blobs are missing and upstream has been
   * silent, it must answer first. Throws what it throws.
   */
  async #isOwed(
    ref: DigestReference,
    remembered: Remembered,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { source, holdings, links } = this.#options
    const { losses } = holdings
    const scope = links.scopeOf(ref.repository)
    const isKnownWhole = remembered.wholeAtLoss.get(scope) === losses
    if (isKnownWhole || source.silentForMs < REACHABLE_FOR_MS) return true
    if (await this.#isWhole(ref.repository, remembered.content)) {
      remembered.wholeAtLoss.set(scope, losses)
      return true
    }
    return (await this.#ask(ref, signal)) !== undefined
  }

  /** Asks upstream once for all who want to know at the same time. */
  async #ask(ref: DigestReference, signal: AbortSignal): Promise<Resolved | undefined> {
    const { source, signal: lifetime } = this.#options
    const ask = () => source.resolve(ref, { signal: lifetime })
    return (await this.#asks.run(formatReference(ref), signal, ask)).value
  }

  /**
   * An image is whole with all of its blobs that clients get here, an artifact always; an index
   * with one of them, since clients want one, though not with an attestation alone.
   */
  async #isWhole(repository: Repository, content: ManifestContent): Promise<boolean> {
    const { links, registry } = this.#options
    if (!isIndexType(content.mediaType)) {
      if (!isImage(content)) return true
      for (const blob of content.blobs) {
        if (isForeignLayer(blob)) continue
        if (!(await links.isHeld({ registry, name: repository }, blob.digest))) return false
      }
      return true
    }
    for (const { digest, attests } of content.manifests) {
      if (attests !== undefined) continue
      if (!(await links.isHeld({ registry, name: repository }, digest))) continue
      const child = await this.#fromStore({ kind: 'digest', repository, digest })
      if (child && (await this.#isWhole(repository, child.content))) return true
    }
    return false
  }

  #id({ repository }: Reference): RepositoryId {
    return { registry: this.#options.registry, name: repository }
  }
}
