import type { ByteReader } from '../util/byte-reader.ts'
import type { Descriptor } from './descriptor.ts'
import type { Digest } from './digest.ts'
import type { ByteRange, RangeSpec } from './range.ts'
import type { Reference, Repository, Tag } from './reference.ts'
import type { Referrer, ReferrerFilter } from './referrers.ts'

/**
 * How a pull was answered. hit: from what is kept; miss: from upstream, and kept; join: from a
 * fill or request that was under way; stale: from what is kept though it should have been
 * revalidated; bypass: from upstream without being kept.
 */
export type Outcome = 'hit' | 'miss' | 'join' | 'stale' | 'bypass'

export interface PullOptions {
  /** Ends the wait of this caller; work that others share goes on. */
  signal: AbortSignal
}

export interface BlobOptions extends PullOptions {
  range?: RangeSpec
}

export interface Resolved {
  descriptor: Descriptor
  outcome: Outcome
}

export interface Manifest extends Resolved {
  /** Exactly as the registry holds them; they hash to the descriptor's digest. */
  bytes: Uint8Array
}

export interface Blob extends Resolved {
  /** Which bytes of the content `body` gives. */
  range: ByteRange
  /** The caller disposes it. */
  body: ByteReader
}

/** A page request: at most `limit` tags (all where left out) that sort after `after`. */
export interface Page {
  limit?: number
  after?: string
}

export interface TagList {
  tags: Tag[]
  /** True where more tags follow the last of these. */
  hasMore: boolean
}

/** What refers to a manifest, in the registry's order. */
export interface ReferrerList {
  referrers: readonly Referrer[]
  outcome: Outcome
}

/**
 * Anything manifests and blobs can be pulled from.
 *
 * Absence is `undefined`. A source that cannot answer throws UpstreamError. Every promise rejects
 * with the signal's reason when it is aborted.
 */
export interface Source {
  /** What a reference stands for now: HEAD of a manifest, which costs no pull. */
  resolve(ref: Reference, options: PullOptions): Promise<Resolved | undefined>
  /** A whole manifest, at most 4 MiB, its digest verified. */
  manifest(ref: Reference, options: PullOptions): Promise<Manifest | undefined>
  /** A blob's size, without its bytes. */
  statBlob(
    repository: Repository,
    digest: Digest,
    options: PullOptions,
  ): Promise<Resolved | undefined>
  /**
   * A blob's bytes. Throws UnsatisfiableRangeError for a range outside of it. The body may
   * reject in the middle; who reads it checks the digest, unless the source says that it does.
   */
  blob(repository: Repository, digest: Digest, options: BlobOptions): Promise<Blob | undefined>
  /** Tags in the registry's order. */
  tags(repository: Repository, page: Page, options: PullOptions): Promise<TagList | undefined>
  /**
   * All that refers to the manifest and that the filter lets through: signatures, attestations
   * and the like (distribution-spec, Listing Referrers). Empty where nothing does, and where
   * there is no such manifest.
   */
  referrers(
    repository: Repository,
    digest: Digest,
    filter: ReferrerFilter,
    options: PullOptions,
  ): Promise<ReferrerList>
}
