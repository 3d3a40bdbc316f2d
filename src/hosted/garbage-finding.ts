import type { ContentKind, RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'

/** What a repository need not have any more. */
export interface GarbageFinding {
  kind: ContentKind | 'tag'
  repository: RepositoryId
  /** Of a tag alone. */
  tag: Tag | undefined
  /** Of the content, or what the tag stands for. */
  digest: Digest
  /** Of a tag none. */
  bytes: number
  reason: string
}

/**
 * What was taken from repositories, and what of it no other needs: freed, or, of a dry run, what
 * no repository would have any more.
 */
export interface GarbageSummary {
  tags: number
  manifests: number
  blobs: number
  freedContents: number
  freedBytes: number
}

/** How far it has come. */
export interface GarbageProgress {
  done: number
  total: number | undefined
  unit: 'bytes' | 'images' | 'contents'
}

export interface GarbageListener {
  progress: (progress: GarbageProgress) => void
  /** The work waits until it resolves. */
  item: (finding: GarbageFinding) => Promise<void>
  signal: AbortSignal
}
