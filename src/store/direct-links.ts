import type { Digest } from '../oci/digest.ts'

/** What a store can do whose blobs clients may fetch from where they are kept. */
export interface DirectLinks {
  /**
   * A URL that gives the bytes to whoever knows it, for so long; it is a secret. Nobody looks
   * whether they are there. `undefined` where they are better had from the store itself. Throws
   * StoreError.
   */
  link(digest: Digest, ttlMs: number): Promise<URL | undefined>
}
