import { OCTET_STREAM } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { StoreEvents } from '../telemetry/store-events.ts'
import { abortable } from '../util/abortable.ts'
import { Semaphore } from '../util/semaphore.ts'
import type { BlobReader, BlobStore } from './blob-store.ts'
import type { Admission, ReadCache } from './read-cache.ts'
import { spoolFrom } from './spool-from.ts'
import type { SpoolFolder } from './spool.ts'
import { StoreError } from './store-error.ts'

const COPIES_AT_ONCE = 2
/** Whoever is turned away is copied when it is read again. */
const MAX_WAITING = 64

export interface CopierOptions {
  cache: ReadCache
  originals: Pick<BlobStore, 'open'>
  /** On the file system of the cache. */
  spools: SpoolFolder
  events: StoreEvents
}

/** What the original, not the local disk, is to blame for. */
class OriginalError extends Error {}

/** Brings copies into a read cache in the background, a few at a time, each blob once. */
export class Copier implements AsyncDisposable {
  readonly #options: CopierOptions
  readonly #copying = new Map<Digest, Promise<void>>()
  readonly #permits = new Semaphore(COPIES_AT_ONCE)
  readonly #lifetime = new AbortController()

  constructor(options: CopierOptions) {
    this.#options = options
  }

  /** Has a blob copied that there is no copy of, where it is worth it. */
  want(digest: Digest, sizeBytes: number): void {
    const { cache } = this.#options
    const isBusy = this.#copying.has(digest) || this.#copying.size >= MAX_WAITING
    if (isBusy || cache.has(digest) || !cache.isWorth(sizeBytes)) return
    const copying = this.#copy(digest, sizeBytes).finally(() => this.#copying.delete(digest))
    this.#copying.set(digest, copying)
  }

  /** Waits for the copies that are on their way. */
  async idle(): Promise<void> {
    while (this.#copying.size > 0) await Promise.all(this.#copying.values())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new Error('the store is closing'))
    await this.idle()
  }

  async #copy(digest: Digest, sizeBytes: number): Promise<void> {
    const { cache, originals, events } = this.#options
    using admission = cache.admission(digest)
    const signal = AbortSignal.any([admission.dropped, this.#lifetime.signal])
    try {
      using _permit = await this.#permits.acquire(signal)
      await cache.attempt(async () => {
        using _room = await cache.reserve(sizeBytes)
        await using original = await openUntil(signal, originals, digest)
        if (original) await this.#bring(digest, original, admission, signal)
      })
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof OriginalError)) throw error
      events.copyFailed({ digest, error: error.cause })
    }
  }

  async #bring(
    digest: Digest,
    original: BlobReader,
    admission: Admission,
    signal: AbortSignal,
  ): Promise<void> {
    const { cache, spools } = this.#options
    await using spool = await spools.create(digest)
    const read = (into: Uint8Array) => ofOriginal(abortable(original.read(into), signal))
    const actual = await spoolFrom({ read }, spool, digest, signal)
    if (actual !== digest) {
      const cause = new StoreError('corrupt', `the bytes of ${digest} hash to ${actual}`)
      throw new OriginalError(cause.message, { cause })
    }
    const { sizeBytes } = spool
    await cache.add({ mediaType: OCTET_STREAM, digest, sizeBytes }, spool, admission)
  }
}

/** What comes too late is closed. */
async function openUntil(
  signal: AbortSignal,
  originals: Pick<BlobStore, 'open'>,
  digest: Digest,
): Promise<BlobReader | undefined> {
  const opening = originals.open(digest)
  try {
    return await ofOriginal(abortable(opening, signal))
  } catch (error) {
    if (signal.aborted) void opening.then(closeLate, () => undefined)
    throw error
  }
}

async function closeLate(reader: BlobReader | undefined): Promise<void> {
  await reader?.[Symbol.asyncDispose]()
}

async function ofOriginal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new OriginalError('the original cannot be read', { cause })
  }
}
