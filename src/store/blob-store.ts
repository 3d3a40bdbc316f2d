import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ByteRange } from '../oci/range.ts'
import type { ByteReader } from '../util/byte-reader.ts'
import type { Spool } from './spool.ts'
import type { StoreError } from './store-error.ts'

export interface BlobStat {
  digest: Digest
  sizeBytes: number
}

/** The bytes of a range, in order. Rejects with StoreError `corrupt` where fewer bytes are there than promised. */
export interface BlobReader extends ByteReader {
  /** Size of the whole blob, not of the range. */
  readonly sizeBytes: number
}

/** A blob that is still there. */
export interface Undeleted {
  digest: Digest
  error: StoreError
}

/**
 * Bytes by digest. What it lists it can open, and what it opens was put whole.
 *
 * Absence is `undefined`; what fails throws StoreError. All methods may run at once.
 */
export interface BlobStore extends AsyncDisposable {
  stat(digest: Digest): Promise<BlobStat | undefined>
  /**
   * Opens the blob, or a range of it that lies inside. A reader that is open stays good when the
   * blob is deleted or put again. The caller disposes it.
   */
  open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined>
  /**
   * Takes the spool's bytes in as `descriptor.digest`; the caller has verified them. Visible all
   * at once or never, durable when it returns; putting what is there already changes nothing.
   * Aborting leaves nothing behind. The store may move the spool's file, but open readers of the
   * spool go on; the caller still disposes the spool.
   */
  put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void>
  /** Idempotent. Returns what could not be deleted instead of throwing; the rest is gone. */
  delete(digests: readonly Digest[]): Promise<Undeleted[]>
  /** Everything that is whole when the listing comes to it, in order of digest. */
  list(): AsyncIterable<BlobStat>
}
