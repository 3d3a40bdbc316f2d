import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { type ByteRange, wholeRange } from '../oci/range.ts'
import { readerOf } from '../util/byte-reader.ts'
import type { BlobReader, BlobStat, BlobStore, Undeleted } from './blob-store.ts'
import type { Quarantine, QuarantinedBlob } from './quarantine.ts'
import { refuseOtherSize, type Spool } from './spool.ts'

/** Blobs in memory, as durable as the process. */
export class MemoryStore implements BlobStore, Quarantine {
  readonly #blobs = new Map<Digest, Uint8Array>()
  readonly #quarantined = new Map<Digest, QuarantinedBlob>()

  stat(digest: Digest): Promise<BlobStat | undefined> {
    const bytes = this.#blobs.get(digest)
    return Promise.resolve(bytes && { digest, sizeBytes: bytes.length })
  }

  open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    const bytes = this.#blobs.get(digest)
    if (!bytes) return Promise.resolve(undefined)
    const { first, last } = range ?? wholeRange(bytes.length)
    return Promise.resolve({
      sizeBytes: bytes.length,
      ...readerOf(bytes.subarray(first, last + 1)),
    })
  }

  async put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void> {
    refuseOtherSize(descriptor, from)
    signal.throwIfAborted()
    const bytes = new Uint8Array(descriptor.sizeBytes)
    for (let position = 0; position < bytes.length;) {
      const count = await from.readAt(bytes.subarray(position), position)
      signal.throwIfAborted()
      position += count
    }
    this.#blobs.set(descriptor.digest, bytes)
  }

  delete(digests: readonly Digest[]): Promise<Undeleted[]> {
    for (const digest of digests) this.#blobs.delete(digest)
    return Promise.resolve([])
  }

  async *list(): AsyncIterable<BlobStat> {
    for (const digest of [...this.#blobs.keys()].sort()) {
      const found = await this.stat(digest)
      if (found) yield found
    }
  }

  quarantine(digest: Digest, nowMs: number): Promise<boolean> {
    const bytes = this.#blobs.get(digest)
    if (bytes) {
      this.#blobs.delete(digest)
      this.#quarantined.set(digest, { digest, sizeBytes: bytes.length, sinceMs: nowMs })
    }
    return Promise.resolve(bytes !== undefined)
  }

  async *quarantined(): AsyncIterable<QuarantinedBlob> {
    yield* this.#quarantined.values()
  }

  dropQuarantined(digest: Digest): Promise<void> {
    this.#quarantined.delete(digest)
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#blobs.clear()
    return Promise.resolve()
  }
}
