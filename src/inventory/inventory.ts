import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import type { Referrer, Referring } from '../oci/referrers.ts'
import type { EventQueueState, QueuedEvent } from './queued-event.ts'
import type { Sample, Span, SpanQuery } from './span.ts'

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

/** What a tag is served as, and when upstream was last asked about it. */
export interface TagRecord {
  descriptor: Descriptor
  checkedAtMs: number
}

export interface NamedTagRecord extends TagRecord {
  tag: Tag
}

/** What upstream has said a tag stands for, at one time or several. */
export interface TagSighting {
  descriptor: Descriptor
  firstSeenMs: number
  lastSeenMs: number
  /** Since when it may be served as the tag; `undefined` while it has only waited. */
  servedSinceMs: number | undefined
  /** Who has said so last, of a tag that is pushed to; `undefined` where nobody has logged in. */
  by: string | undefined
}

/** What a tag stands for or has stood for. */
export interface RememberedDigest {
  tag: Tag
  digest: Digest
}

/** So many digests are remembered of a tag, and besides them the last that was served. */
export const MAX_SIGHTINGS = 50

/** What upstream said last of a tag, and is not served as it yet. */
export interface WaitingSighting {
  repository: RepositoryId
  tag: Tag
  sighting: TagSighting
  /** `undefined` where the tag is not on record. */
  served: Digest | undefined
}

/** A tag that stands for one digest, whatever upstream says. */
export interface Freeze {
  repository: RepositoryId
  tag: Tag
  descriptor: Descriptor
  createdAtMs: number
}

/** All that refers to a manifest, as upstream last listed it. */
export interface ReferrersRecord {
  referrers: readonly Referrer[]
  checkedAtMs: number
}

/** One use of content through a repository; uses are gathered and recorded in batches. */
export interface Use {
  digest: Digest
  repository: RepositoryId
  atMs: number
}

export interface InventoryTotals {
  bytes: number
  entries: number
  /** The part of `bytes` whose usage is `once`. */
  onceBytes: number
}

/**
 * `again` from when content, or a manifest that names it, was used at least REUSED_AFTER_MS after
 * it was stored, else `once`: earlier uses belong to the pull, or the burst of pulls, that brought it.
 */
export type Usage = 'once' | 'again'

export const REUSED_AFTER_MS = 60 * 60 * 1000

/** A repository that links content or has tags that stand for it, with those tags in lexical order. */
export interface ContentName {
  repository: RepositoryId
  tags: Tag[]
}

/** Content that may be evicted. */
export interface Candidate extends Content {
  usage: Usage
  /** How many manifests that are held name it. Content without any is a root. */
  parents: number
  /** In order of registry and name. */
  names: ContentName[]
}

/** What is to be taken from a repository. */
export interface Taking {
  repository: RepositoryId
  /** A tag alone, or content with all of its tags there. */
  target: Tag | Digest
  /** Any repository of the registry may serve what one of them links. */
  isPublic: boolean
}

export interface Taken {
  tags: RememberedDigest[]
  /** What the repository does not have any more, as it was; what was meant comes first. */
  taken: Candidate[]
  /** What is not held any more. */
  gone: Candidate[]
}

export interface RootQuery {
  usage: Usage
  /** Where the last page ended. */
  after: Pick<Content, 'usedAtMs' | 'digest'> | undefined
  limit: number
}

export interface ImageQuery {
  /** All where left out. */
  repository: RepositoryId | undefined
  /** A part of `registry/repository:tag`, in any case of letters; all where left out. */
  search?: string | undefined
  /** Where the last page ended. */
  after: Pick<Image, 'repository' | 'digest'> | undefined
  limit: number
}

/** A manifest under one of the repositories that link it; `sizeBytes` is that of the manifest alone. */
export interface Image extends Content {
  repository: RepositoryId
  /** Those of the repository that stand for it, in lexical order. */
  tags: Tag[]
  /** All that is held of it, what it names included. */
  heldBytes: number
  /** The part of `heldBytes` that no other image needs. */
  exclusiveBytes: number
  /**
   * What its image manifests name and no repository of the registry links: it is not held, or
   * upstream has to be asked whether it may be served. Manifests that an index names are not
   * missing, as clients want one of them, unless none is there.
   */
  missingBytes: number
}

export interface RepositoryQuery {
  registry: string
  /** Only those that link something of the kind; any that link something where `undefined`. */
  kind: ContentKind | undefined
  /** Where the last page ended; empty for the first. */
  after: string
  limit: number
}

export interface SummaryQuery {
  /** A part of `registry/repository`, in any case of letters; all where left out. */
  search?: string | undefined
  /** Where the last page ended. */
  after: RepositoryId | undefined
  limit: number
}

/** What a repository links. */
export interface RepositorySummary {
  repository: RepositoryId
  /** See Inventory.images. */
  images: number
  /** Each content once, however many of its images need it. */
  heldBytes: number
  /** The part of `heldBytes` that other repositories link as well. */
  sharedBytes: number
  /** When a manifest was last used through it; 0 where none was. */
  usedAtMs: number
}

export interface LinkQuery {
  repository: RepositoryId
  kind: ContentKind
  /** Where the last page ended. */
  after: Digest | undefined
  limit: number
}

/** Content as one repository has it. */
export interface LinkedContent {
  digest: Digest
  sizeBytes: number
  /** When it was last put there, or found there by who may be about to push what names it. */
  linkedAtMs: number
  /** When it was last used through this link; 0 where never, as all blobs. */
  usedAtMs: number
  /** What a manifest names, held or not, each once and in order. */
  children: Digest[]
  /** What it refers to, held or not, in order. */
  subjects: Digest[]
}

/** What must not be evicted while it stands. */
export interface Pin {
  pattern: string
  createdAtMs: number
}

/**
 * Facts about the bytes in the store: what is held, which repository may serve it, what tags
 * stand for, when it was used. Absence is `undefined`; failures throw InventoryError. Each method
 * is one transaction and visible to every later call once it resolves.
 */
export interface Inventory extends AsyncDisposable {
  /**
   * Records content that was committed to the store, what it names (of a manifest), and links it
   * from the repository, where it refers to what `referring` says, held or not. Counts as a use,
   * at the content's `usedAtMs`. Of what is held already the rest stays as it is, except that a
   * blob which proves to be a manifest becomes one.
   */
  record(
    content: Content,
    children: Descriptor[],
    repository: RepositoryId,
    referring?: Referring,
  ): Promise<void>
  /** Records content that was found in the store as `record` does, but without a link or a use. */
  adopt(content: Content, children: Descriptor[]): Promise<void>
  /** Links content that is held. False where it is not held. */
  link(digest: Digest, repository: RepositoryId, atMs: number): Promise<boolean>
  /** As `isLinked`; a link counts as made at that time, unless it was made later. */
  renewLink(digest: Digest, repository: RepositoryId, atMs: number): Promise<boolean>
  /**
   * Takes content from a repository, with the tags that stand for it there, what it refers to and
   * what was listed as referring to it; it stays held. False where the repository does not link it,
   * or has linked it at `linkedBeforeMs` or later.
   */
  unlink(digest: Digest, repository: RepositoryId, linkedBeforeMs?: number): Promise<boolean>
  /** What a repository links, in bytes, but for these. */
  linkedBytes(repository: RepositoryId, except: readonly Digest[]): Promise<number>
  /** What a repository links, in order of digest. */
  linked(query: LinkQuery): Promise<LinkedContent[]>
  /**
   * What was taken from its last repository by `unlink`, and no manifest that is held names; in
   * order of digest, after `after`, at most `limit`.
   */
  unlinked(after: Digest | undefined, limit: number): Promise<Digest[]>
  held(digest: Digest): Promise<Content | undefined>
  isLinked(digest: Digest, repository: RepositoryId): Promise<boolean>
  /** True where any repository of the registry links it. */
  isLinkedWithin(digest: Digest, registry: string): Promise<boolean>
  /** The repositories that link it, in order of registry and name. */
  repositoriesOf(digest: Digest): Promise<RepositoryId[]>
  /** Drops content with its links, because its bytes are gone. Tags stay. Idempotent. */
  forget(digest: Digest): Promise<void>

  referrers(digest: Digest, repository: RepositoryId): Promise<ReferrersRecord | undefined>
  /** Keeps what upstream listed for as long as the content is held. False where it is not held. */
  putReferrers(digest: Digest, repository: RepositoryId, record: ReferrersRecord): Promise<boolean>

  tag(repository: RepositoryId, tag: Tag): Promise<TagRecord | undefined>
  putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void>
  dropTag(repository: RepositoryId, tag: Tag): Promise<void>
  /** All known tags, in lexical order. */
  tags(repository: RepositoryId): Promise<Tag[]>
  /** The same with what is on record of them. */
  tagRecords(repository: RepositoryId): Promise<NamedTagRecord[]>

  /** What refers to `subject` and is linked, in order of digest. */
  referringTo(repository: RepositoryId, subject: Digest): Promise<Referrer[]>
  /** Names of repositories that link something, in lexical order. */
  repositories(query: RepositoryQuery): Promise<Repository[]>

  /**
   * Puts a tag as `putTag` does, and into its history what upstream said when it was checked; that
   * may be served from then on where it is what the tag is served as. A history outlives the tag
   * and its content.
   */
  seeTag(
    repository: RepositoryId,
    tag: Tag,
    seen: Descriptor,
    record: TagRecord,
    by?: string,
  ): Promise<void>
  /** What was seen last comes first; of what was seen last at the same time, what is newer. */
  history(repository: RepositoryId, tag: Tag): Promise<TagSighting[]>
  /**
   * What the tags of a repository that are on record stood for, of each so many digests that were
   * seen last; in order of tag and digest.
   */
  remembered(repository: RepositoryId, perTag: number): Promise<RememberedDigest[]>
  /** What heads a history and has only waited, in order of registry, name and tag. */
  waiting(): Promise<WaitingSighting[]>
  /** Drops from the histories of tags that are not on record what was last seen before. */
  dropHistories(beforeMs: number): Promise<void>

  /** In order of registry, name and tag. They outlive the tag and its content. */
  freezes(): Promise<Freeze[]>
  /** Replaces the one that is there. */
  putFreeze(freeze: Freeze): Promise<void>
  dropFreeze(repository: RepositoryId, tag: Tag): Promise<void>

  /**
   * Raises the last use of content that is held; a time never goes back. A use of what a manifest
   * names, held or not, is one of that manifest as well, and so on upwards: of those that
   * the repository links the one that was used last through it, looked for among its hundred last
   * used manifests. So a pull keeps its image warm, but not every image that shares a layer with
   * it. A long list is recorded in pieces, between which other calls get their turn.
   */
  touch(uses: Use[]): Promise<void>
  totals(): Promise<InventoryTotals>
  /** Everything that is held, in order of digest, after `after`, at most `limit`. */
  contents(after: Digest | undefined, limit: number): Promise<Content[]>

  /** Roots that were used once, or again; the least recently used first, then in order of digest. */
  roots(query: RootQuery): Promise<Candidate[]>
  /**
   * Drops content with its links and the tags that stand for it if `mayGo` lets it; then, in the
   * same way, what it named and no manifest that is held names any more. `mayGo` sees each as it
   * is at that moment, the content itself first. Returns what went; empty where it is not held.
   * All of it goes in one transaction, after which the caller deletes the bytes.
   */
  evict(digest: Digest, mayGo: (candidate: Candidate) => boolean): Promise<Candidate[]>

  /**
   * Takes tags from a repository; then, as `unlink` does, what they stood for and what that names,
   * but for what another tag or a manifest of the repository needs, and what `mayGo` does not let
   * go. What it was the one to link of a public registry is linked from another repository there
   * that needs it. What nobody needs any more goes as with `evict`, if `mayGo` lets it.
   */
  take(taking: Taking, mayGo: (candidate: Candidate) => boolean): Promise<Taken>

  /** What a manifest names and is held, in order of digest. */
  children(digest: Digest): Promise<Candidate[]>
  /** The content and every manifest that names it, directly or not, in order of digest. */
  lineage(digest: Digest): Promise<Candidate[]>

  /**
   * Linked manifests that are roots or tagged, in order of registry, name and digest: an image
   * comes once under each repository that links it.
   */
  images(query: ImageQuery): Promise<Image[]>
  /** Repositories that link something, in order of registry and name. Not one transaction. */
  repositorySummaries(query: SummaryQuery): Promise<RepositorySummary[]>
  /** What is held of these contents and of all that they name, each counted once. */
  heldBytes(digests: Digest[]): Promise<number>

  /**
   * Adds to the minute and the hour of the sample what was counted, says how things stand at their
   * end, and drops the spans that have become older than SPANS_KEPT_MS.
   */
  addSample(sample: Sample): Promise<void>
  /** In order of time; those in which nothing was sampled are missing. */
  spans(query: SpanQuery): Promise<Span[]>

  /** In order of pattern. */
  pins(): Promise<Pin[]>
  /** Changes nothing where the pattern is there already. */
  addPin(pin: Pin): Promise<void>
  /** False where there is no such pin. */
  dropPin(pattern: string): Promise<boolean>

  /** What a job has kept for its next run: any JSON. */
  jobState(job: string): Promise<unknown>
  putJobState(job: string, state: unknown): Promise<void>

  /** Appends to the queues of webhooks; in each the positions rise. */
  queueEvents(events: readonly QueuedEvent[]): Promise<void>
  /** The first of a webhook, in order of position. */
  queuedEvents(webhook: string, limit: number): Promise<QueuedEvent[]>
  /** Drops what a webhook has up to a position; returns how many that were. */
  dropEvents(webhook: string, throughPosition: number): Promise<number>
  /** Those that are not empty, in order of name. */
  eventQueues(): Promise<EventQueueState[]>

  /** Makes all that has been recorded last through a power cut, which it may not otherwise. */
  sync(): Promise<void>
}
