import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ByteRange } from '../oci/range.ts'
import type { StoreEvents } from '../telemetry/store-events.ts'
import type { BlobReader, BlobStat, BlobStore, Undeleted } from './blob-store.ts'
import { Copier } from './copier.ts'
import { CopyReader } from './copy-reader.ts'
import type { StoreLayers } from './layers.ts'
import type { Quarantine, QuarantinedBlob } from './quarantine.ts'
import type { ReadCache } from './read-cache.ts'
import type { Spool, SpoolFolder } from './spool.ts'

export interface CachedStoreOptions {
  /** What is in here is what the store has; it leaves spools where they are. Disposed with the store. */
  originals: BlobStore & Quarantine
  cache: ReadCache
  /** For copies, on the file system of the cache. */
  spools: SpoolFolder
  events: StoreEvents
}

/**
 * A store with a read cache in front. What is put stays there as well, and what is read without a
 * copy is copied in the background. A copy that cannot be read is no failure: its reader goes on
 * from the original.
 */
export class CachedStore implements BlobStore, Quarantine {
  readonly layers: StoreLayers
  readonly #originals: BlobStore & Quarantine
  readonly #cache: ReadCache
  readonly #copier: Copier
  readonly #events: StoreEvents

  constructor({ originals, cache, spools, events }: CachedStoreOptions) {
    this.layers = { originals, copies: cache.copies }
    this.#originals = originals
    this.#cache = cache
    this.#copier = new Copier({ cache, originals, spools, events })
    this.#events = events
  }

  stat(digest: Digest): Promise<BlobStat | undefined> {
    return this.#originals.stat(digest)
  }

  async open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    const copy = await this.#cache.open(digest, range)
    if (copy) {
      this.#events.copyRead({ isHit: true })
      const goOn = (rest: ByteRange, error: unknown) => this.#goOn(digest, rest, error)
      return new CopyReader(copy, range, goOn)
    }
    const original = await this.#originals.open(digest, range)
    if (!original) return undefined
    this.#events.copyRead({ isHit: false })
    this.#copier.want(digest, original.sizeBytes)
    return original
  }

  async put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void> {
    using admission = this.#cache.admission(descriptor.digest)
    await this.#originals.put(descriptor, from, signal)
    if (!this.#cache.isWorth(descriptor.sizeBytes)) return
    await this.#cache.attempt(async () => {
      using _room = await this.#cache.reserve(descriptor.sizeBytes)
      await this.#cache.add(descriptor, from, admission)
    })
  }

  async delete(digests: readonly Digest[]): Promise<Undeleted[]> {
    const undeleted = await this.#originals.delete(digests)
    for (const digest of digests) await this.#cache.drop(digest)
    return undeleted
  }

  list(): AsyncIterable<BlobStat> {
    return this.#originals.list()
  }

  async quarantine(digest: Digest, nowMs: number): Promise<boolean> {
    const isSetAside = await this.#originals.quarantine(digest, nowMs)
    await this.#cache.drop(digest)
    return isSetAside
  }

  quarantined(): AsyncIterable<QuarantinedBlob> {
    return this.#originals.quarantined()
  }

  dropQuarantined(digest: Digest): Promise<void> {
    return this.#originals.dropQuarantined(digest)
  }

  /** Waits until what was read of late has been copied. */
  copied(): Promise<void> {
    return this.#copier.idle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#copier[Symbol.asyncDispose]()
    await this.#originals[Symbol.asyncDispose]()
  }

  async #goOn(digest: Digest, rest: ByteRange, error: unknown): Promise<BlobReader | undefined> {
    this.#events.copyFailed({ digest, error })
    await this.#cache.drop(digest)
    return this.#originals.open(digest, rest)
  }
}
