import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'

/** A repository of one registry, for example `library/alpine` of `docker.io`. */
export interface RepositoryId {
  registry: string
  name: Repository
}

export type ContentKind = 'manifest' | 'blob'

/** Content that is in the store. Times are milliseconds since the Unix epoch. */
export interface Content extends Descriptor {
  kind: ContentKind
  storedAtMs: number
  usedAtMs: number
}

/** What a tag stood for when upstream was last asked. */
export interface TagRecord {
  descriptor: Descriptor
  checkedAtMs: number
}

/** One use of content; uses are gathered and recorded in batches. */
export interface Use {
  digest: Digest
  atMs: number
}

export interface InventoryTotals {
  bytes: number
  entries: number
}

/**
 * Facts about the bytes in the store: what is held, which repository may serve it, what tags
 * stand for, when it was used. Absence is `undefined`; failures throw InventoryError. Each method
 * is one transaction and visible to every later call once it resolves.
 */
export interface Inventory extends AsyncDisposable {
  /**
   * Records content that was committed to the store, what it names (of a manifest), and links it
   * from the repository. Recording what is held already adds the link and changes nothing else,
   * except that a blob which proves to be a manifest becomes one.
   */
  record(content: Content, children: Descriptor[], repository: RepositoryId): Promise<void>
  /** Links content that is held. False where it is not held. */
  link(digest: Digest, repository: RepositoryId): Promise<boolean>
  held(digest: Digest): Promise<Content | undefined>
  isLinked(digest: Digest, repository: RepositoryId): Promise<boolean>
  /** True where any repository of the registry links it. */
  isLinkedWithin(digest: Digest, registry: string): Promise<boolean>
  /** What a manifest names that is not held. */
  missingChildren(digest: Digest): Promise<Digest[]>
  /** Drops content with its links, because its bytes are gone. Tags stay. Idempotent. */
  forget(digest: Digest): Promise<void>

  tag(repository: RepositoryId, tag: Tag): Promise<TagRecord | undefined>
  putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void>
  dropTag(repository: RepositoryId, tag: Tag): Promise<void>
  /** All known tags, in lexical order. */
  tags(repository: RepositoryId): Promise<Tag[]>

  /**
   * Raises the last use of content; what is not held is passed over, a time never goes back. A
   * long list is recorded in pieces, between which other calls get their turn.
   */
  touch(uses: Use[]): Promise<void>
  totals(): Promise<InventoryTotals>
  /** Everything that is held, in order of digest, after `after`, at most `limit`. */
  contents(after: Digest | undefined, limit: number): Promise<Content[]>
}
