import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, digestOf } from '../oci/digest.ts'
import { type ByteRange, rangeLength, wholeRange } from '../oci/range.ts'
import { readerOf, readExactly } from '../util/byte-reader.ts'
import type { BlobReader, BlobStat, BlobStore, Undeleted } from './blob-store.ts'
import type { StoreLayers } from './layers.ts'
import type { Quarantine, QuarantinedBlob } from './quarantine.ts'
import type { Spool } from './spool.ts'

const SMALL_BYTES = 64 * 1024
const MAX_BYTES = 32 * 1024 * 1024

/**
 * A store whose small blobs stay in memory when they were read, where each read costs a request:
 * those that were read last.
 */
export class SmallBlobs implements BlobStore, Quarantine {
  readonly layers: StoreLayers
  readonly #inner: BlobStore & Quarantine
  /** What was read longest ago comes first. */
  readonly #kept = new Map<Digest, Uint8Array>()
  #bytes = 0
  /** How often something was dropped: what was being read may have been it. */
  #drops = 0

  /** Disposes the store when it is disposed. */
  constructor(inner: BlobStore & Quarantine, { originals, copies }: StoreLayers) {
    this.#inner = inner
    this.layers = {
      originals,
      copies: {
        open: (digest) => copies.open(digest),
        delete: (digests) => {
          for (const digest of digests) this.#drop(digest)
          return copies.delete(digests)
        },
      },
    }
  }

  stat(digest: Digest): Promise<BlobStat | undefined> {
    return this.#inner.stat(digest)
  }

  async open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    const kept = this.#kept.get(digest)
    if (kept) {
      this.#keep(digest, kept)
      return readerWithin(kept, range)
    }
    const drops = this.#drops
    const reader = await this.#inner.open(digest, range)
    if (!reader || reader.sizeBytes > SMALL_BYTES) return reader
    if (range && rangeLength(range) < reader.sizeBytes) return reader
    await using small = reader
    const bytes = await readExactly(small, small.sizeBytes)
    const isRight = digestOf(bytes, algorithmOf(digest)) === digest
    if (isRight && this.#drops === drops) this.#keep(digest, bytes)
    return readerWithin(bytes, undefined)
  }

  put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void> {
    return this.#inner.put(descriptor, from, signal)
  }

  async delete(digests: readonly Digest[]): Promise<Undeleted[]> {
    const undeleted = await this.#inner.delete(digests)
    for (const digest of digests) this.#drop(digest)
    return undeleted
  }

  list(): AsyncIterable<BlobStat> {
    return this.#inner.list()
  }

  async quarantine(digest: Digest, nowMs: number): Promise<boolean> {
    const isSetAside = await this.#inner.quarantine(digest, nowMs)
    this.#drop(digest)
    return isSetAside
  }

  quarantined(): AsyncIterable<QuarantinedBlob> {
    return this.#inner.quarantined()
  }

  dropQuarantined(digest: Digest): Promise<void> {
    return this.#inner.dropQuarantined(digest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kept.clear()
    await this.#inner[Symbol.asyncDispose]()
  }

  #keep(digest: Digest, bytes: Uint8Array): void {
    this.#remove(digest)
    this.#kept.set(digest, bytes)
    this.#bytes += bytes.length
    for (const [coldest] of this.#kept) {
      if (this.#bytes <= MAX_BYTES) return
      this.#remove(coldest)
    }
  }

  #drop(digest: Digest): void {
    this.#drops++
    this.#remove(digest)
  }

  #remove(digest: Digest): void {
    this.#bytes -= this.#kept.get(digest)?.length ?? 0
    this.#kept.delete(digest)
  }
}

function readerWithin(bytes: Uint8Array, range: ByteRange | undefined): BlobReader {
  const { first, last } = range ?? wholeRange(bytes.length)
  return { sizeBytes: bytes.length, ...readerOf(bytes.subarray(first, last + 1)) }
}
