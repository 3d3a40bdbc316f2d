import type { BlobStat } from './blob-store.ts'

/** What a store can do whose blobs clients may fetch from where they are kept. */
export interface DirectLinks {
  /**
   * A URL that gives the bytes to whoever knows it, for so long; it is a secret. `undefined` where
   * not all of them are there, or they are better had from the store itself. Throws StoreError.
   */
  link(blob: BlobStat, ttlMs: number): Promise<URL | undefined>
}
