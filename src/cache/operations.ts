import type {
  Content,
  ContentKind,
  ContentName,
  Image,
  ImageQuery,
  RepositoryId,
  RepositorySummary,
  SummaryQuery,
} from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Platform } from '../oci/platform.ts'
import type { ImageReference, Tag } from '../oci/reference.ts'
import type { Outcome } from '../oci/source.ts'

/** How far long work has come. */
export interface Progress {
  done: number
  /** `undefined` while it is not known. */
  total: number | undefined
  unit: 'bytes' | 'images' | 'contents'
  /** What is under way at the moment, where that is several things at once; in bytes. */
  parts?: readonly ProgressPart[]
}

interface ProgressPart {
  digest: Digest
  done: number
  total: number
}

/** Who waits for long work. */
export interface WorkListener<Item> {
  progress: (progress: Progress) => void
  /** One of many results; the work waits until it resolves. */
  item: (item: Item) => Promise<void>
  /** Ends the wait. The work goes on without its listener, except for dry runs and warming. */
  signal: AbortSignal
}

export interface ListedImage extends Image {
  isPinned: boolean
}

export interface ListedPin {
  pattern: string
  source: 'config' | 'command'
  /** `undefined` for those of the configuration. */
  createdAtMs: number | undefined
  /** Images that match at present, and what is held of them. */
  images: number
  heldBytes: number
}

export interface EvictRequest {
  isDryRun: boolean
  /** What is to be left; as much as the limits allow where `undefined`. */
  toBytes: number | undefined
  /** A dry run ends behind so many. */
  maxImages?: number | undefined
}

/** What went; of a dry run, what would have gone. */
export interface Removal {
  images: number
  contents: number
  bytes: number
}

/** What was removed under a name: tags go though others need what they stand for. */
export interface Purged extends Removal {
  tags: number
  /** Contents that its repository linked and others need. */
  unlinked: number
}

/** What an image, or one of an index, is for. */
export interface OfferedPlatform {
  platform: Platform
  /** The manifest. */
  digest: Digest
  isHeld: boolean
}

/** An image that would go. */
export interface Removable extends Pick<Content, 'digest' | 'usedAtMs'> {
  names: ContentName[]
  /** Of all that would go with it: what others need is not counted. */
  bytes: number
}

export interface PurgeTarget {
  repository: RepositoryId
  /** All of the repository where `undefined`. */
  target: Tag | Digest | undefined
}

export interface ScrubSummary {
  contents: number
  bytes: number
  quarantined: number
}

/** What of store or inventory does not fit the other, and what is done about it. */
export interface SweepFinding {
  action: 'adopt' | 'quarantine' | 'forget' | 'remove'
  /** A digest, or the path of a file. */
  name: string
  bytes: number
  reason: string
}

export type SweepSummary = Record<SweepFinding['action'], number>

export interface WarmRequest {
  images: readonly ImageReference[]
  /** Of an index only what is for these; all of it where there are none. */
  platforms: readonly Platform[]
}

/** A part of an image that is held now, and how it came to be. */
export interface WarmedContent {
  image: ImageReference
  digest: Digest
  kind: ContentKind
  sizeBytes: number
  outcome: Outcome
}

export interface WarmedImage {
  image: ImageReference
  /** What it stands for; `undefined` where that did not become known. */
  digest: Digest | undefined
  /** What it needs on the platforms that were asked for, as far as that became known. */
  contents: number
  bytes: number
  /** The part of `bytes` that was not held before. */
  fetchedBytes: number
  /** The part of `bytes` that is not held now. */
  missingBytes: number
  /** Why it is not held as a whole; `undefined` where it is. */
  failure: WarmFailure | undefined
}

/**
 * denied: by a rule; absent: upstream does not have it, or not for that platform; limited: what
 * upstream still allows is left to clients; upstream: it failed; not-kept: there was no space, or
 * the store failed.
 */
export type WarmFailureReason = 'denied' | 'absent' | 'limited' | 'upstream' | 'not-kept'

export interface WarmFailure {
  reason: WarmFailureReason
  message: string
  /** Whether time alone may help. */
  isPassing: boolean
}

export interface JobStatus {
  name: string
  everyMs: number
  isRunning: boolean
  /** `undefined` while it does not run, and until the run has said something. */
  progress: Progress | undefined
  lastRun: JobRun | undefined
  /** `undefined` while it runs. */
  nextRunAtMs: number | undefined
}

export interface JobRun {
  startedAtMs: number
  endedAtMs: number
  /** `undefined` where it failed. */
  result: Readonly<Record<string, number>> | undefined
  /** Why it failed. */
  error: string | undefined
}

/**
 * What operators may ask of a running mirror. Of each kind of long work but warming one runs at a
 * time: who asks for it meanwhile joins it. Failures are StoreErrors and InventoryErrors.
 */
export interface Operations {
  images(query: ImageQuery): Promise<ListedImage[]>
  repositories(query: SummaryQuery): Promise<RepositorySummary[]>
  /**
   * What an image is for, in its own order: of an index each of its images, without what runs
   * nowhere. Nothing where it does not say it; `undefined` where no such manifest is held.
   */
  platforms(digest: Digest): Promise<OfferedPlatform[] | undefined>
  evict(request: EvictRequest, listener: WorkListener<Removable>): Promise<Removal>
  purge(target: PurgeTarget, listener: WorkListener<never>): Promise<Purged>
  pins(): Promise<ListedPin[]>
  /** Changes nothing where the pattern is there. Throws RangeError for what is no pattern. */
  pin(pattern: string): Promise<void>
  unpin(pattern: string): Promise<'removed' | 'absent' | 'configured'>
  scrub(listener: WorkListener<never>): Promise<ScrubSummary>
  sweep(isDryRun: boolean, listener: WorkListener<SweepFinding>): Promise<SweepSummary>
  /** Has images kept, one after the other; what became of each, in their order. */
  warm(request: WarmRequest, listener: WorkListener<WarmedContent>): Promise<WarmedImage[]>
  jobs(): JobStatus[]
}
