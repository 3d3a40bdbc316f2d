import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ByteRange } from '../oci/range.ts'
import type { StoreEvents } from '../telemetry/store-events.ts'
import { Circuit, type Verdict } from '../util/circuit.ts'
import type { Clock } from '../util/clock.ts'
import type { BlobReader } from './blob-store.ts'
import type { DiskSpace } from './disk-space.ts'
import type { FileStore } from './file-store.ts'
import type { StoreLayers } from './layers.ts'
import { RecentCopies } from './recent-copies.ts'
import type { Spool } from './spool.ts'
import { StoreError } from './store-error.ts'

/** What is larger than this share would push out too much else. */
const MAX_SHARE = 1 / 4
/** After a write has failed. */
const PAUSE_MS = 10_000
const MAX_PAUSE_MS = 300_000
/** A copy that is being moved to its place is there in a moment. */
const NEVER = new AbortController().signal

export interface ReadCacheOptions {
  files: FileStore
  maxBytes: number
  /** Of the file system. Throws StoreError. */
  disk: () => Promise<DiskSpace>
  /** Of the file system; half of what it has where that is less. */
  minFreeBytes: number
  clock: Clock
  events: StoreEvents
}

export interface ReadCacheStats {
  bytes: number
  entries: number
  maxBytes: number
}

/** A claim to bring a copy, which is void when the blob is dropped meanwhile. */
export interface Admission extends Disposable {
  readonly dropped: AbortSignal
}

/**
 * Copies of blobs on the local disk: those that were read last, as far as they fit. It never
 * fails: what cannot be had here is to be had where it was copied from.
 */
export class ReadCache {
  readonly #options: ReadCacheOptions
  readonly #recent = new RecentCopies()
  readonly #admissions = new Map<Digest, Set<AbortController>>()
  readonly #writing: Circuit<StoreError>
  /** For copies that are on their way. */
  #reservedBytes = 0
  #isFailing = false

  /** Use `open`. */
  private constructor(options: ReadCacheOptions) {
    this.#options = options
    this.#writing = new Circuit({
      clock: options.clock,
      failures: 1,
      pauseMs: PAUSE_MS,
      maxPauseMs: MAX_PAUSE_MS,
      refuse: (cause) => new StoreError('unasked', cause.message, { cause }),
      changed: (state, error) => this.#tellState(state !== 'closed', error),
    })
  }

  /** Takes up what an earlier process left, in the order in which that was read. */
  static async open(options: ReadCacheOptions): Promise<ReadCache> {
    const cache = new ReadCache(options)
    await cache.attempt(async () => {
      const found = await Array.fromAsync(options.files.listUsed())
      found.sort((a, b) => a.usedAtMs - b.usedAtMs)
      for (const { digest, sizeBytes } of found) cache.#recent.add(digest, sizeBytes)
      await cache.#makeRoom()
    })
    return cache
  }

  get stats(): ReadCacheStats {
    const { bytes, entries } = this.#recent
    return { bytes, entries, maxBytes: this.#options.maxBytes }
  }

  has(digest: Digest): boolean {
    return this.#recent.has(digest)
  }

  /** For who checks them: they are opened as they are, and not counted as read. */
  get copies(): StoreLayers['copies'] {
    const { files } = this.#options
    return {
      open: (digest) => (this.has(digest) ? files.open(digest) : Promise.resolve(undefined)),
      delete: async (digests) => {
        for (const digest of digests) await this.drop(digest)
        return []
      },
    }
  }

  isWorth(sizeBytes: number): boolean {
    return sizeBytes <= this.#options.maxBytes * MAX_SHARE
  }

  /** Opens a copy, which counts as read; `undefined` where there is none that is good. */
  async open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    const { files, events } = this.#options
    const sizeBytes = this.#recent.touch(digest)
    if (sizeBytes === undefined) return undefined
    try {
      const reader = await files.open(digest, range)
      if (reader?.sizeBytes === sizeBytes) return reader
      await reader?.[Symbol.asyncDispose]()
      await this.drop(digest)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      events.copyFailed({ digest, error })
    }
    return undefined
  }

  /** To be asked for before the bytes are read that are to be copied. */
  admission(digest: Digest): Admission {
    const controller = new AbortController()
    const others = this.#admissions.get(digest) ?? new Set()
    this.#admissions.set(digest, others.add(controller))
    return {
      dropped: controller.signal,
      [Symbol.dispose]: () => {
        others.delete(controller)
        if (others.size === 0 && this.#admissions.get(digest) === others) {
          this.#admissions.delete(digest)
        }
      },
    }
  }

  /** Makes room for a copy that is about to be brought. Throws StoreError. */
  async reserve(sizeBytes: number): Promise<Disposable> {
    this.#reservedBytes += sizeBytes
    const release = () => {
      this.#reservedBytes -= sizeBytes
    }
    try {
      await this.#makeRoom()
      return { [Symbol.dispose]: release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Takes in the verified bytes of a spool, for which there is room. Throws StoreError. */
  async add(descriptor: Descriptor, spool: Spool, { dropped }: Admission): Promise<void> {
    const { digest, sizeBytes } = descriptor
    await this.#options.files.put(descriptor, spool, NEVER)
    if (dropped.aborted) await this.#remove([digest])
    else this.#recent.add(digest, sizeBytes)
    this.#tellSize()
  }

  /** Removes a copy, and has none made of what is being read at the moment. */
  async drop(digest: Digest): Promise<void> {
    for (const controller of this.#admissions.get(digest) ?? []) {
      controller.abort(new Error(`${digest} was dropped`))
    }
    this.#admissions.delete(digest)
    if (!this.#recent.has(digest)) return
    this.#recent.delete(digest)
    await this.#remove([digest])
    this.#tellSize()
  }

  /**
   * Does work that writes here. Where the disk refuses it, nothing more is tried for a while, and
   * only that is told. Rejects with errors that are not StoreErrors.
   */
  async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await this.#writing.run(work, verdictOn)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }

  async #makeRoom(): Promise<void> {
    const { maxBytes, minFreeBytes, disk } = this.#options
    const { freeBytes, totalBytes } = await disk()
    const overBytes = this.#recent.bytes + this.#reservedBytes - maxBytes
    const shortBytes = Math.min(minFreeBytes, totalBytes / 2) + this.#reservedBytes - freeBytes
    // Where even all of it would not be enough, something else fills the disk.
    if (shortBytes > this.#recent.bytes) {
      throw new StoreError('no-space', `the disk has only ${freeBytes} bytes left`)
    }
    await this.#remove(this.#recent.takeColdest(Math.max(overBytes, shortBytes)))
    this.#tellSize()
  }

  /** What cannot be removed is found when the next process starts. */
  async #remove(digests: Digest[]): Promise<void> {
    const { files, events } = this.#options
    for (const { digest, error } of await files.delete(digests)) {
      events.copyFailed({ digest, error })
    }
  }

  #tellState(isFailing: boolean, error: StoreError | undefined): void {
    if (this.#isFailing === isFailing) return
    this.#isFailing = isFailing
    this.#options.events.readCacheChanged({ isFailing, error })
  }

  #tellSize(): void {
    this.#options.events.readCacheSized(this.#recent)
  }
}

function verdictOn(error: unknown): Verdict<StoreError> {
  if (!(error instanceof StoreError)) return 'unknown'
  return error.kind === 'io' || error.kind === 'no-space' ? error : 'alive'
}
