/*
 * The JSON of the admin API below `/api/v1`, as the daemon sends it and the commands read it: a
 * contract. Fields may be added, none renamed. Sizes are bytes, times ISO 8601 in UTC; repositories
 * have their registry in front: `docker.io/library/alpine`.
 */
import type { PullCounts } from './admin-stats.ts'

/** The body of every answer that is not 2xx is `{error}`. */
export interface ApiFault {
  code: string
  message: string
}

/** `GET images?repository=&search=&after=&limit=`: `search` is a part of `repository:tag`. */
export interface ImagePage {
  images: ImageEntry[]
  /** What to ask for as `after`; `null` on the last page. */
  next: string | null
}

/** An image under one of its repositories. */
export interface ImageEntry {
  repository: string
  tags: string[]
  digest: string
  mediaType: string
  /** All that is held of it. */
  bytes: number
  /** The part of `bytes` that other images need as well. */
  sharedBytes: number
  /** What it needs and is not held. */
  missingBytes: number
  storedAt: string
  usedAt: string
  /** GETs of its manifest here since the start. */
  pulls: PullCounts
  isPinned: boolean
}

/** `GET platforms?digest=` */
export interface PlatformList {
  /** In the order of the index; empty where the image does not say what it is for. */
  platforms: PlatformEntry[]
}

export interface PlatformEntry {
  /** `linux/arm64/v8` */
  platform: string
  /** The manifest of the image that is for it. */
  digest: string
  isHeld: boolean
}

/** `GET repositories?search=&after=&limit=`: `search` is a part of `repository`. */
export interface RepositoryPage {
  repositories: RepositoryEntry[]
  /** What to ask for as `after`; `null` on the last page. */
  next: string | null
}

/** What is held of a repository. */
export interface RepositoryEntry {
  repository: string
  images: number
  /** Each content once, however many of its images need it. */
  bytes: number
  /** The part of `bytes` that other repositories have as well. */
  sharedBytes: number
  /** `null` where no manifest was. */
  usedAt: string | null
  /** Since the start, as those of `GET stats/top`. */
  servedBytes: number
  pulls: PullCounts
}

/** `GET pins` */
export interface PinList {
  pins: PinEntry[]
}

export interface PinEntry {
  pattern: string
  source: 'config' | 'command'
  /** `null` for those of the configuration. */
  createdAt: string | null
  /** What it keeps at present. */
  images: number
  bytes: number
}

/** `POST pins {pattern}`, `DELETE pins?pattern=` */
export interface PinResult {
  /** With the registry in front, also where that was left out. */
  pattern: string
}

/** `GET holds` */
export interface HoldList {
  holds: HoldEntry[]
}

/** A tag that upstream has moved, and that is served as before for a while. */
export interface HoldEntry {
  repository: string
  tag: string
  /** What it is served as; `null` where that is not known any more. */
  digest: string | null
  /** What upstream says. */
  newDigest: string
  knownSince: string
  /** When the hold is over; it is served from the first check after that. */
  servedFrom: string
}

/** `POST release {reference}` */
export interface ReleaseResult {
  repository: string
  tag: string
  /** What it is served as from now on. */
  digest: string
}

/** `GET history?reference=` */
export interface TagHistory {
  repository: string
  tag: string
  /** What was seen last comes first. */
  history: TagHistoryEntry[]
}

/** What upstream has said a tag stands for, or who pushes. */
export interface TagHistoryEntry {
  digest: string
  mediaType: string
  firstSeen: string
  lastSeen: string
  /** `null` for what was never served as the tag: it waits, or upstream has taken it back. */
  servedSince: string | null
  /** Who has pushed it last, of hosted tags; `null` where nobody has logged in. */
  by: string | null
}

/** `POST rollback {reference, to?}`: `to` is a digest or a time; what it stood for before where left out. */
export interface RollbackResult {
  repository: string
  tag: string
  /** What it stands for now. */
  digest: string
}

/** `GET freezes` */
export interface FreezeList {
  freezes: FreezeEntry[]
}

/** A tag that stands for one digest, whatever upstream says. */
export interface FreezeEntry {
  repository: string
  tag: string
  digest: string
  createdAt: string
}

/** `POST freezes {reference, at?}`: `at` is a digest or a time; what it is served as where left out. */
export interface FreezeResult {
  repository: string
  tag: string
  digest: string
}

/** `DELETE freezes?reference=` */
export interface UnfreezeResult {
  repository: string
  tag: string
}

/** `GET jobs` */
export interface JobList {
  jobs: JobEntry[]
}

export interface JobEntry {
  name: string
  everyMs: number
  isRunning: boolean
  /** `null` while it does not run, and until the run has said something. */
  progress: WorkProgress | null
  /** `null` before the first has ended. */
  lastRun: JobRunEntry | null
  /** `null` while it runs. */
  nextRunAt: string | null
}

/** Either `result` or `error` is there, the other is `null`. */
export interface JobRunEntry {
  startedAt: string
  endedAt: string
  result: Readonly<Record<string, number>> | null
  error: string | null
}

/** Long work: what is sent to `POST` its name, and what comes back. */
export interface Works {
  evict: {
    /** With `dryRun` nothing goes, and there are items, `limit` at most; `toBytes` is what is to be left. */
    body: { dryRun?: boolean; toBytes?: number; limit?: number }
    item: RemovableEntry
    result: RemovalResult
  }
  purge: { body: { reference: string }; item: never; result: PurgeResult }
  scrub: { body: object; item: never; result: ScrubResult }
  sweep: { body: { dryRun?: boolean }; item: SweepEntry; result: SweepResult }
  gc: { body: { dryRun?: boolean }; item: GarbageEntry; result: GarbageResult }
  /** Ends with its caller. Of an index only what is for the platforms, `linux/arm64/v8`; all where left out. */
  warm: {
    body: { images: string[]; platforms?: string[] }
    item: WarmedContentEntry
    result: WarmResult
  }
}

export type WorkName = keyof Works

/** Long work answers `application/x-ndjson`; the last line is a result or an error. */
export type WorkLine<Name extends WorkName> =
  | { progress: WorkProgress }
  | { item: Works[Name]['item'] }
  | { result: Works[Name]['result'] }
  | { error: ApiFault }

export interface WorkProgress {
  done: number
  /** `null` while it is not known. */
  total: number | null
  unit: 'bytes' | 'images' | 'contents'
  /** What is under way at the moment, in bytes; left out by work that does one thing at a time. */
  parts?: { digest: string; done: number; total: number }[]
}

/** An image that would go. */
export interface RemovableEntry {
  digest: string
  /** Empty for what no repository links. */
  names: { repository: string; tags: string[] }[]
  /** Of all that would go with it: what others need is not counted. */
  bytes: number
  usedAt: string
}

/** What went, or would have gone. */
export interface RemovalResult {
  images: number
  contents: number
  bytes: number
}

/** What went under a name: tags go though others need what they stand for. */
export interface PurgeResult extends RemovalResult {
  tags: number
  /** Contents that the repository does not have any more, and others need. */
  unlinked: number
}

export interface ScrubResult {
  contents: number
  bytes: number
  quarantined: number
}

/** What does not fit, and what would be done about it. */
export interface SweepEntry {
  action: 'adopt' | 'quarantine' | 'forget' | 'remove'
  /** A digest, or the path of a file. */
  name: string
  bytes: number
  reason: string
}

/** How many of each. */
export type SweepResult = Record<SweepEntry['action'], number>

/** What a hosted repository need not have any more. */
export interface GarbageEntry {
  kind: 'tag' | 'manifest' | 'blob'
  repository: string
  /** `null` but of a tag. */
  tag: string | null
  /** Of the content, or what the tag stands for. */
  digest: string
  /** Of a tag 0. */
  bytes: number
  reason: string
}

/**
 * How many of each went, and what of it no repository has any more: that was freed, unless
 * something is reading it. Of a dry run, what would go.
 */
export interface GarbageResult {
  tags: number
  manifests: number
  blobs: number
  freedContents: number
  freedBytes: number
}

/** A part of an image that is held now. */
export interface WarmedContentEntry {
  image: string
  digest: string
  kind: 'manifest' | 'blob'
  bytes: number
  /** `hit`: it was held; `miss`: it came from upstream; `join`: somebody else pulled it. */
  outcome: string
}

export interface WarmResult {
  /** In the order in which they were asked for. */
  images: WarmedEntry[]
}

/** What became of an image. It is held as a whole where `error` is `null`. */
export interface WarmedEntry {
  /** With its registry and its tag or digest. */
  image: string
  /** `null` where it did not become known. */
  digest: string | null
  contents: number
  /** What it needs on the platforms that were asked for. */
  bytes: number
  /** The part of `bytes` that was not held before. */
  fetchedBytes: number
  /** The part of `bytes` that is not held. */
  missingBytes: number
  error: WarmFault | null
}

interface WarmFault {
  /**
   * `denied` by a rule; `absent` upstream; `limited`: what upstream still allows is left to
   * clients; `upstream` failed; `not-kept` for lack of space, or as the store failed.
   */
  reason: 'denied' | 'absent' | 'limited' | 'upstream' | 'not-kept'
  message: string
}

/** A line of `GET events`: what has happened, or how many events the reader was too slow for. */
export type EventLine<Event> = { event: Event } | { missed: number }
