import type {
  Candidate,
  Content,
  ContentKind,
  Inventory,
  RepositoryId,
} from '../inventory/inventory.ts'
import { InventoryError } from '../inventory/inventory-error.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestOf, type Digest } from '../oci/digest.ts'
import type { ByteRange } from '../oci/range.ts'
import type { BlobReader, BlobStore } from '../store/blob-store.ts'
import type { Spool, SpoolFolder } from '../store/spool.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events } from '../telemetry/events.ts'
import { readExactly } from '../util/byte-reader.ts'
import type { Clock } from '../util/clock.ts'
import type { Leases } from './leases.ts'

/** Keeping a manifest, or removing content, takes no longer than ending it early would. */
const NEVER = new AbortController().signal

export interface HoldingsOptions {
  store: BlobStore
  inventory: Inventory
  spools: SpoolFolder
  leases: Leases
  clock: Clock
  events: Events
}

/**
 * What the mirror holds: the bytes in the store together with the facts in the inventory. Looking
 * things up never fails a pull: trouble is reported and what cannot be had is not held.
 */
export class Holdings {
  readonly inventory: Inventory
  readonly #store: BlobStore
  readonly #spools: SpoolFolder
  readonly #leases: Leases
  readonly #clock: Clock
  readonly #events: Events
  #losses = 0

  constructor({ store, inventory, spools, leases, clock, events }: HoldingsOptions) {
    this.inventory = inventory
    this.#store = store
    this.#spools = spools
    this.#leases = leases
    this.#clock = clock
    this.#events = events
  }

  /** How often content was lost; who finds it changed cannot rely on what was held before. */
  get losses(): number {
    return this.#losses
  }

  /** Keeps a verified blob and links it from the repository. Throws StoreError and InventoryError. */
  async keepBlob(
    repository: RepositoryId,
    descriptor: Descriptor,
    spool: Spool,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#keep('blob', descriptor, [], repository, spool, signal)
  }

  /** Keeps a verified manifest, what it names, and its link. Failure is reported, not thrown. */
  async keepManifest(
    repository: RepositoryId,
    descriptor: Descriptor,
    bytes: Uint8Array,
    children: Descriptor[],
  ): Promise<void> {
    await this.#attempt('keep manifest', descriptor.digest, async () => {
      await using spool = await this.#spools.create(descriptor.digest)
      await spool.append(bytes)
      await this.#keep('manifest', descriptor, children, repository, spool, NEVER)
    })
  }

  /** Asks the inventory something; `undefined` where it fails. */
  async look<T>(
    digest: Digest | undefined,
    question: (inventory: Inventory) => Promise<T>,
  ): Promise<T | undefined> {
    return this.#attempt('look up', digest, () => question(this.inventory))
  }

  /** Opens content; `undefined` where its bytes are gone, which is then forgotten, or cannot be read. */
  async open(content: Content, range?: ByteRange): Promise<BlobReader | undefined> {
    const { digest, sizeBytes } = content
    return this.#attempt('open', digest, async () => {
      const reader = await this.#store.open(digest, range)
      if (reader?.sizeBytes === sizeBytes) return this.#leased(reader, digest)
      await reader?.[Symbol.asyncDispose]()
      await this.#lose(digest)
      return undefined
    })
  }

  /** The bytes of a manifest that is held; `undefined` as with `open`, or where they have rotted. */
  async readManifest(content: Content): Promise<Uint8Array | undefined> {
    return this.#attempt('read manifest', content.digest, async () => {
      await using reader = await this.open(content)
      if (!reader) return undefined
      const bytes = await readExactly(reader, reader.sizeBytes)
      if (digestOf(bytes, algorithmOf(content.digest)) === content.digest) return bytes
      await this.#lose(content.digest)
      return undefined
    })
  }

  /**
   * Evicts content that `mayGo` lets go, and what only it needed, but for what is put or removed
   * at the moment; returns what went. See Inventory.evict. Bytes
   * that cannot be deleted are reported, and found when the store is swept. Throws InventoryError.
   */
  async evict(digest: Digest, mayGo: (candidate: Candidate) => boolean): Promise<Candidate[]> {
    using changes = new DisposableStack()
    const gone = await this.inventory.evict(digest, (candidate) => {
      if (!mayGo(candidate)) return false
      const change = this.#leases.tryChange(candidate.digest)
      if (change) changes.use(change)
      return change !== undefined
    })
    for (const content of gone) {
      await this.#attempt('delete', content.digest, () => this.#store.delete(content.digest))
    }
    return gone
  }

  async #keep(
    kind: ContentKind,
    descriptor: Descriptor,
    children: Descriptor[],
    repository: RepositoryId,
    spool: Spool,
    signal: AbortSignal,
  ): Promise<void> {
    using _change = await this.#leases.change(descriptor.digest, signal)
    await this.#store.put(descriptor, spool, signal)
    const nowMs = this.#clock.now()
    const content = { ...descriptor, kind, storedAtMs: nowMs, usedAtMs: nowMs }
    await this.inventory.record(content, children, repository)
  }

  #leased(reader: BlobReader, digest: Digest): BlobReader {
    const lease = this.#leases.read(digest)
    return {
      sizeBytes: reader.sizeBytes,
      read: (into) => reader.read(into),
      async [Symbol.asyncDispose]() {
        lease[Symbol.dispose]()
        await reader[Symbol.asyncDispose]()
      },
    }
  }

  async #lose(digest: Digest): Promise<void> {
    using _change = await this.#leases.change(digest, NEVER)
    // Evicted while it was looked for.
    if (!(await this.inventory.held(digest))) return
    this.#losses++
    this.#events.contentLost({ digest })
    await this.#store.delete(digest)
    await this.inventory.forget(digest)
  }

  async #attempt<T>(
    operation: string,
    digest: Digest | undefined,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof StoreError) this.#events.storeFailed({ operation, digest, error })
      else if (error instanceof InventoryError)
        this.#events.inventoryFailed({ operation, digest, error })
      else throw error
      return undefined
    }
  }
}
