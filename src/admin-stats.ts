/*
 * The statistics of the admin API: a contract as admin-api.ts is. Fields may be added, none renamed.
 */

type BreakerState = 'closed' | 'open' | 'half-open'

/** How many pulls had which outcome. */
export interface PullCounts {
  hit: number
  miss: number
  join: number
  stale: number
  bypass: number
}

/** `served`: of manifests and blobs. */
interface ByteCounts {
  served: number
  fetched: number
}

/** `GET stats`: counted since the start. */
export interface Stats {
  uptimeMs: number
  pulls: PullCounts
  bytes: ByteCounts
  /** Contents that were found missing or wrong. */
  lostContents: number
  store: {
    bytes: number
    entries: number
    maxBytes: number
    /** Whether S3 is asked; `null` where content is in files. */
    state: BreakerState | null
    /** Copies on the local disk of what is in S3; `null` where none are kept. */
    cache: ReadCacheStats | null
  }
  eviction: EvictionStats
  pins: { patterns: number }
  fills: FillProgress[]
  upstreams: UpstreamStats[]
  webhooks: WebhookStats[]
  /** Whether the audit log cannot be written; `null` where there is none. */
  audit: { isFailing: boolean } | null
}

/** Numbers are of events, since the start. */
export interface WebhookStats {
  name: string
  /** `failing`: the last request failed, and after a pause the same events are sent again. */
  state: 'idle' | 'delivering' | 'failing'
  /** Those that it has not taken yet. */
  queued: number
  delivered: number
  /** Requests, not events. */
  failed: number
  dropped: number
}

interface ReadCacheStats {
  bytes: number
  entries: number
  maxBytes: number
  /** Blobs that were opened here, and in S3, since the start. */
  hits: number
  misses: number
}

interface EvictionStats {
  state: 'idle' | 'running'
  /** Nothing new is kept: pulls go past the cache. */
  isSpaceFull: boolean
  /** More should go, but all that is left is pinned or in use. */
  isStuck: boolean
  /** `null` before the first has ended. */
  lastPass: EvictionPass | null
}

interface EvictionPass {
  /** ISO 8601. */
  startedAt: string
  durationMs: number
  images: number
  contents: number
  bytes: number
}

interface FillProgress {
  digest: string
  repository: string
  bytes: number
  /** `null` while upstream has not told. */
  totalBytes: number | null
  /** Over the last five seconds. */
  bytesPerSecond: number
  /** How long the rest takes at this rate; `null` where that cannot be foreseen. */
  remainingMs: number | null
  followers: number
}

/** `state` and `budget` are those of the endpoint that is asked first. */
export interface UpstreamStats {
  name: string
  /** GETs of manifests that were answered here, each of which may have cost a pull; since the start. */
  savedPulls: number
  /** Whether it is asked only for what a client waits for. */
  isLow: boolean
  state: BreakerState
  budget: CredentialBudget[]
  /** In the order in which they are asked. */
  endpoints: EndpointStats[]
}

export interface EndpointStats {
  url: string
  state: BreakerState
  /** ISO 8601. Until then it is not asked, since it refused all requests as too many. */
  limitedUntil: string | null
  budget: CredentialBudget[]
}

/** What an upstream said of its limit; `null` where it has not said it. */
interface CredentialBudget {
  /** The user name; `anonymous` without credentials. */
  credential: string
  limit: number | null
  remaining: number | null
  /** ISO 8601. */
  resetAt: string | null
  /** ISO 8601. Until then it is not used for manifests, since it got a 429. */
  limitedUntil: string | null
}

/** `GET stats/history?resolution=&from=&to=` */
export interface StatsHistory {
  resolution: 'minute' | 'hour'
  /** In order of time; those in which the daemon did not run are missing. */
  spans: StatsSpan[]
}

/** What was counted in a minute or an hour. */
export interface StatsSpan {
  /** When it began: ISO 8601. */
  start: string
  pulls: PullCounts
  bytes: ByteCounts
  /** At the end of it, as the budgets. */
  storeBytes: number
  budgets: SpanBudget[]
}

/** What an upstream still allowed, over all of our users whom it told a limit. */
interface SpanBudget {
  upstream: string
  limit: number
  remaining: number
}

/** `GET stats/top?limit=`: what went to clients since the start, the most first. */
export interface TopList {
  repositories: TopEntry[]
}

export interface TopEntry {
  /** With its registry. */
  repository: string
  bytes: number
  pulls: PullCounts
}
