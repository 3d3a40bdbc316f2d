/*
 * What the admin API tells of upstreams: a contract as admin-api.ts is. Fields may be added, none
 * renamed.
 */

/** `GET upstreams`: as far as it is known; nobody is asked for it. */
export interface UpstreamList {
  upstreams: UpstreamEntry[]
}

export interface UpstreamEntry {
  name: string
  /** In the order in which they are asked. */
  endpoints: UpstreamEndpointEntry[]
}

export interface UpstreamEndpointEntry {
  url: string
  /** What it is asked through, without credentials; `null` where it is asked directly. */
  proxy: string | null
  /** While it is `open`, it is not asked, since it has failed. */
  state: 'closed' | 'open' | 'half-open'
  /** `null` before there was an answer. */
  latency: UpstreamLatency | null
  /** Until then it is not asked, since it refused all requests as too many. */
  limitedUntil: string | null
  /** In the order in which they are used. */
  users: UpstreamUserEntry[]
}

/** How long an endpoint took until the headers of its last hundred answers. */
interface UpstreamLatency {
  medianMs: number
  /** Nineteen of twenty answers took no longer. */
  p95Ms: number
  /** How many answers that is over; a hundred at most. */
  answers: number
}

/** Whom we are to an endpoint. */
export interface UpstreamUserEntry {
  /** The user name, or what is asked for it; `anonymous` without credentials. */
  credential: string
  /** Whether it answered when it was asked last; `null` before that. */
  isAnswering: boolean | null
  /** Whether its credentials were taken for wrong when they were shown last. */
  isRefused: boolean
  /** `null` before it has answered. */
  authentication: UpstreamAuthentication | null
  /** `null` where it has told no limit. */
  limit: number | null
  remaining: number | null
  resetAt: string | null
  /** Until then it is not used for manifests, since it got a 429. */
  limitedUntil: string | null
}

interface UpstreamAuthentication {
  kind: 'none' | 'basic' | 'bearer'
  /** The host that tokens come from. */
  realm: string | null
}

/** `POST upstreams/test {name}`: each endpoint is asked as each of its users. */
export interface UpstreamTestResult {
  name: string
  endpoints: UpstreamEndpointTest[]
}

export interface UpstreamEndpointTest extends UpstreamEndpointEntry {
  users: UpstreamUserTest[]
}

interface UpstreamUserTest extends UpstreamUserEntry {
  durationMs: number
  /** What is wrong; `null` where it answers, and takes the credentials. */
  error: string | null
}
