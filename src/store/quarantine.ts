import type { Digest } from '../oci/digest.ts'
import type { BlobStat } from './blob-store.ts'

/** A blob that was set aside. */
export interface QuarantinedBlob extends BlobStat {
  /** When, in milliseconds since the Unix epoch. */
  sinceMs: number
}

/**
 * What a store can do with bytes that are wrong: set them aside, where nobody is served from but
 * somebody can look at them. What fails throws StoreError.
 */
export interface Quarantine {
  /**
   * Takes a blob out of the store and sets it aside, all at once or not at all, and durable when
   * it returns; open readers stay good. Of what is set aside already the later bytes are kept.
   * False where the store does not have it.
   */
  quarantine(digest: Digest, nowMs: number): Promise<boolean>
  /** Everything that is set aside, in no particular order. */
  quarantined(): AsyncIterable<QuarantinedBlob>
  /** Removes for good what was set aside. Idempotent. */
  dropQuarantined(digest: Digest): Promise<void>
}
