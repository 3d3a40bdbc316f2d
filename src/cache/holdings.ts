import type {
  Candidate,
  Content,
  ContentKind,
  Inventory,
  RepositoryId,
  Taken,
  Taking,
} from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts'
import type { ByteRange } from '../oci/range.ts'
import type { Referring } from '../oci/referrers.ts'
import type { BlobReader, BlobStore } from '../store/blob-store.ts'
import type { StoreLayers } from '../store/layers.ts'
import type { Quarantine } from '../store/quarantine.ts'
import type { Spool, SpoolFolder } from '../store/spool.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Fault } from '../telemetry/metrics.ts'
import { readExactly } from '../util/byte-reader.ts'
import type { Clock } from '../util/clock.ts'
import { attempt } from './attempt.ts'
import { mirrored } from './content-changes.ts'
import type { Departure, Memory } from './departure.ts'
import type { Leases } from './leases.ts'
import { findFault } from './verify.ts'

/** Keeping a manifest, or removing content, takes no longer than ending it early would. */
const NEVER = new AbortController().signal

export interface HoldingsOptions {
  store: BlobStore & Quarantine
  layers: StoreLayers
  inventory: Inventory
  spools: SpoolFolder
  leases: Leases
  clock: Clock
  events: Events
}

/** Content that is kept. */
interface Kept {
  kind: ContentKind
  descriptor: Descriptor
  children: Descriptor[]
  referring?: Referring | undefined
}

/**
 * What the mirror holds: the bytes in the store together with the facts in the inventory. Looking
 * things up never fails a pull: trouble is reported and what cannot be had is not held.
 */
export class Holdings {
  readonly inventory: Inventory
  readonly #store: BlobStore & Quarantine
  readonly #layers: StoreLayers
  readonly #spools: SpoolFolder
  readonly #leases: Leases
  readonly #clock: Clock
  readonly #events: Events
  readonly #memories: Memory[] = []
  #losses = 0

  constructor(options: HoldingsOptions) {
    const { store, layers, inventory, spools, leases, clock, events } = options
    this.inventory = inventory
    this.#store = store
    this.#layers = layers
    this.#spools = spools
    this.#leases = leases
    this.#clock = clock
    this.#events = events
  }

  /** How often content was lost; who finds it changed cannot rely on what was held before. */
  get losses(): number {
    return this.#losses
  }

  /** Has it told of everything that goes from now on. */
  inform(memory: Memory): void {
    this.#memories.push(memory)
  }

  /** Keeps a verified blob and links it from the repository. Throws StoreError and InventoryError. */
  async keepBlob(
    repository: RepositoryId,
    descriptor: Descriptor,
    spool: Spool,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#keep(repository, { kind: 'blob', descriptor, children: [] }, spool, signal)
  }

  /** The same with a manifest, what it names, and what it refers to there. */
  async putManifest(
    repository: RepositoryId,
    descriptor: Descriptor,
    bytes: Uint8Array,
    children: Descriptor[],
    referring?: Referring,
  ): Promise<void> {
    await using spool = await this.#spools.create(descriptor.digest)
    await spool.append(bytes)
    const kept = { kind: 'manifest', descriptor, children, referring } as const
    await this.#keep(repository, kept, spool, NEVER)
  }

  /** As `putManifest`; false where that fails, which is reported. */
  async keepManifest(
    repository: RepositoryId,
    descriptor: Descriptor,
    bytes: Uint8Array,
    children: Descriptor[],
  ): Promise<boolean> {
    const isKept = await this.#attempt('keep manifest', descriptor.digest, async () => {
      await this.putManifest(repository, descriptor, bytes, children)
      this.#events.feed.tell(mirrored(repository, descriptor))
      return true
    })
    return isKept ?? false
  }

  /** Asks the inventory something; `undefined` where it fails. */
  async look<T>(
    digest: Digest | undefined,
    question: (inventory: Inventory) => Promise<T>,
  ): Promise<T | undefined> {
    return this.#attempt('look up', digest, () => question(this.inventory))
  }

  /**
   * Opens content that is to be had nowhere else; `undefined` where its bytes are gone or wrong,
   * see `recheck`. Throws StoreError and InventoryError.
   */
  async openKept(
    { digest, sizeBytes }: Content,
    range?: ByteRange,
  ): Promise<BlobReader | undefined> {
    const reader = await this.#store.open(digest, range)
    if (reader?.sizeBytes === sizeBytes) return this.#served(reader, digest)
    await reader?.[Symbol.asyncDispose]()
    await this.recheck(digest)
    return undefined
  }

  /** The same, and `undefined` where they cannot be had. */
  async open(content: Content, range?: ByteRange): Promise<BlobReader | undefined> {
    return this.#attempt('open', content.digest, () => this.openKept(content, range))
  }

  /** The bytes of a manifest that is held, as with `openKept`. */
  async readKeptManifest(content: Content): Promise<Uint8Array | undefined> {
    await using reader = await this.openKept(content)
    if (!reader) return undefined
    const bytes = await readExactly(reader, reader.sizeBytes)
    if (digestOf(bytes, algorithmOf(content.digest)) === content.digest) return bytes
    await this.recheck(content.digest)
    return undefined
  }

  /** The same as with `open`. */
  async readManifest(content: Content): Promise<Uint8Array | undefined> {
    return this.#attempt('read manifest', content.digest, () => this.readKeptManifest(content))
  }

  /**
   * Looks again at content that somebody has found missing or wrong, when nobody else changes it.
   * A copy goes; where the original is wrong as well, its bytes are set aside and it is forgotten,
   * so that the next pull fills it again, and what is wrong is returned. Throws StoreError and InventoryError.
   */
  async recheck(digest: Digest): Promise<Fault | undefined> {
    using _change = await this.#leases.change(digest, NEVER)
    const { originals, copies } = this.#layers
    await copies.delete([digest])
    const content = await this.inventory.held(digest)
    const fault = content && (await findFault(originals, content))
    if (!fault) return undefined
    this.#events.contentLost({ digest, fault })
    // Where that fails it is forgotten nonetheless: wrong bytes are not served again.
    const setAside = () => this.#store.quarantine(digest, this.#clock.now())
    await this.#attempt('quarantine', digest, setAside)
    try {
      await this.inventory.forget(digest)
    } finally {
      this.#losses++
      this.#tell({ digest, names: [] })
    }
    return fault
  }

  /**
   * Evicts content that `mayGo` lets go, and what only it needed, but for what is put or removed
   * at the moment; returns what went. See Inventory.evict. Bytes that cannot be deleted are
   * reported, and found when the store is swept. Throws InventoryError.
   */
  async evict(digest: Digest, mayGo: (candidate: Candidate) => boolean): Promise<Candidate[]> {
    using changes = new DisposableStack()
    const gone = await this.inventory.evict(
      digest,
      (candidate) => mayGo(candidate) && this.#mayLeave(candidate, changes),
    )
    await this.#delete(gone)
    return gone
  }

  /** The same with what no repository has: what somebody reads stays. */
  async evictUnlinked(digest: Digest): Promise<Candidate[]> {
    return this.evict(
      digest,
      ({ parents, names, ...content }) =>
        parents === 0 && names.length === 0 && !this.#leases.isRead(content.digest),
    )
  }

  /**
   * Takes tags and content from a repository, see Inventory.take, with the exceptions and errors of
   * `evict`.
   */
  async take(taking: Taking): Promise<Taken> {
    using changes = new DisposableStack()
    const taken = await this.inventory.take(taking, (candidate) =>
      this.#mayLeave(candidate, changes),
    )
    const { repository } = taking
    for (const { tag, digest } of taken.tags) {
      this.#tell({ digest, names: [{ repository, tags: [tag] }] })
    }
    await this.#delete(taken.gone)
    return taken
  }

  async #keep(
    repository: RepositoryId,
    { kind, descriptor, children, referring }: Kept,
    spool: Spool,
    signal: AbortSignal,
  ): Promise<void> {
    using _change = await this.#leases.change(descriptor.digest, signal)
    await this.#store.put(descriptor, spool, signal)
    const nowMs = this.#clock.now()
    const content = { ...descriptor, kind, storedAtMs: nowMs, usedAtMs: nowMs }
    await this.inventory.record(content, children, repository, referring)
  }

  /** Not while it is put or removed. */
  #mayLeave(candidate: Candidate, changes: DisposableStack): boolean {
    const change = this.#leases.tryChange(candidate.digest)
    if (!change) return false
    changes.use(change)
    // Before it goes, so that nobody is given from memory what does not come with the rest.
    this.#tell(candidate)
    return true
  }

  async #delete(gone: Candidate[]): Promise<void> {
    const undeleted = await this.#store.delete(gone.map((content) => content.digest))
    for (const failed of undeleted) this.#events.storeFailed({ operation: 'delete', ...failed })
  }

  #served(reader: BlobReader, digest: Digest): BlobReader {
    const lease = this.#leases.read(digest)
    return {
      sizeBytes: reader.sizeBytes,
      read: async (into) => {
        try {
          return await reader.read(into)
        } catch (error) {
          if (error instanceof StoreError && error.kind === 'corrupt') {
            await this.#attempt('recheck', digest, () => this.recheck(digest))
          }
          throw error
        }
      },
      async [Symbol.asyncDispose]() {
        lease[Symbol.dispose]()
        await reader[Symbol.asyncDispose]()
      },
    }
  }

  #tell(departure: Departure): void {
    for (const memory of this.#memories) memory.forget(departure)
  }

  #attempt<T>(
    operation: string,
    digest: Digest | undefined,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    return attempt(this.#events, { operation, digest }, work)
  }
}
