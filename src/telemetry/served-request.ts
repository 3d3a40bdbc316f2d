export const PULL_OUTCOMES = ['hit', 'miss', 'join', 'stale', 'bypass'] as const

export type PullOutcome = (typeof PULL_OUTCOMES)[number]

/** How many pulls had which outcome. */
export type PullCounts = Record<PullOutcome, number>

export function noPulls(): PullCounts {
  const none = PULL_OUTCOMES.map((outcome) => [outcome, 0])
  return Object.fromEntries(none) as PullCounts
}

/** What a request asked for. */
export type RequestKind =
  | 'ping'
  | 'manifest'
  | 'blob'
  | 'tags'
  | 'referrers'
  | 'push'
  | 'token'
  | 'health'
  | 'admin'
  | 'other'

/** One request and its answer: one access line. */
export interface ServedRequest {
  method: string
  /** Without the query, where a client might put a secret. */
  path: string
  kind: RequestKind
  /** As sent; 499 where the client left before there was one. */
  status: number
  /** True where the answer did not reach its end. */
  aborted: boolean
  /** Body bytes that were written to the socket. */
  bytes: number
  durationMs: number
  firstByteMs: number | undefined
  outcome: PullOutcome | undefined
  upstream: string | undefined
  repository: string | undefined
  /** The tag or digest. */
  reference: string | undefined
  /** Of a manifest that was pulled: what a tag stood for. */
  digest: string | undefined
  /** Who has logged in, where it was asked. */
  principal: string | undefined
  remote: string | undefined
  userAgent: string | undefined
}
