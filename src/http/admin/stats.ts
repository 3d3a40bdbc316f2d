import type { BreakerState, Totals } from '../../telemetry/events.ts'

/** What `GET /api/v1/stats` answers: a contract. Fields may be added, none renamed. */
export interface Stats extends Totals {
  uptimeMs: number
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
