import type {
  Content,
  ContentName,
  Image,
  ImageQuery,
  RepositoryId,
} from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'

/** How far long work has come. */
export interface Progress {
  done: number
  /** `undefined` while it is not known. */
  total: number | undefined
  unit: 'bytes' | 'images' | 'contents'
}

/** Who waits for long work. */
export interface WorkListener<Item> {
  progress: (progress: Progress) => void
  /** One of many results; the work waits until it resolves. */
  item: (item: Item) => Promise<void>
  /** Ends the wait. The work goes on without its listener, except for a dry run. */
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
}

/** What went; of a dry run, what would have gone. */
export interface Removal {
  images: number
  contents: number
  bytes: number
}

/** An image that would go. */
export interface Removable extends Content {
  names: ContentName[]
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
 * What operators may ask of a running mirror. Of each kind of long work one runs at a time: who
 * asks for it meanwhile joins it. Failures are StoreErrors and InventoryErrors.
 */
export interface Operations {
  images(query: ImageQuery): Promise<ListedImage[]>
  evict(request: EvictRequest, listener: WorkListener<Removable>): Promise<Removal>
  purge(target: PurgeTarget, listener: WorkListener<never>): Promise<Removal>
  pins(): Promise<ListedPin[]>
  /** Changes nothing where the pattern is there. Throws RangeError for what is no pattern. */
  pin(pattern: string): Promise<void>
  unpin(pattern: string): Promise<'removed' | 'absent' | 'configured'>
  scrub(listener: WorkListener<never>): Promise<ScrubSummary>
  sweep(isDryRun: boolean, listener: WorkListener<SweepFinding>): Promise<SweepSummary>
  jobs(): JobStatus[]
}
