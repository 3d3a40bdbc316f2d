import type { Content, RepositoryId } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ByteRange } from '../oci/range.ts'
import type { Referring } from '../oci/referrers.ts'
import type { BlobReader } from '../store/blob-store.ts'
import type { Spool } from '../store/spool.ts'

/** Where hosted content is kept: together with what is mirrored, so that both are there once. */
export interface ContentKeeper {
  /** Keeps a verified blob and links it from the repository. Throws StoreError and InventoryError. */
  keepBlob(
    repository: RepositoryId,
    descriptor: Descriptor,
    spool: Spool,
    signal: AbortSignal,
  ): Promise<void>
  /** The same with a manifest, what it names, and what it refers to there. */
  putManifest(
    repository: RepositoryId,
    descriptor: Descriptor,
    bytes: Uint8Array,
    children: Descriptor[],
    referring: Referring | undefined,
  ): Promise<void>
  /**
   * `undefined` where the bytes are gone or wrong, which is reported. Throws StoreError and
   * InventoryError where that is not known.
   */
  openKept(content: Content, range?: ByteRange): Promise<BlobReader | undefined>
  readKeptManifest(content: Content): Promise<Uint8Array | undefined>
  /**
   * Frees content, and what only it needed, that no repository has and nobody reads; returns what
   * went. Throws InventoryError.
   */
  evictUnlinked(digest: Digest): Promise<Content[]>
}

/** Told of what is pulled. */
export interface UseRecorder {
  record(repository: RepositoryId, digest: Digest): void
  /** Writes down what was told so far. */
  flush(): Promise<void>
}
