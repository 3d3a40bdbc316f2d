import type { UpstreamEndpointEntry, UpstreamEntry, UpstreamUserEntry } from '../admin-upstreams.ts'
import { untilText } from './format.ts'

/** One of our users at one of the endpoints of an upstream. */
export interface UpstreamRow {
  upstream: UpstreamEntry
  endpoint: UpstreamEndpointEntry
  user: UpstreamUserEntry
}

export function upstreamRows(upstreams: readonly UpstreamEntry[]): UpstreamRow[] {
  return upstreams.flatMap((upstream) =>
    upstream.endpoints.flatMap((endpoint) =>
      endpoint.users.map((user) => ({ upstream, endpoint, user })),
    ),
  )
}

/** Why it is not asked goes before how it answered. */
export function stateText({ endpoint, user }: UpstreamRow): string {
  if (endpoint.limitedUntil !== null || user.limitedUntil !== null) return 'limited'
  if (endpoint.state !== 'closed') return endpoint.state
  if (user.isAnswering === null) return 'not asked'
  if (user.isRefused) return 'refuses'
  return user.isAnswering ? 'answers' : 'silent'
}

export function leftText({ user: { limit, remaining } }: UpstreamRow): string {
  return limit === null || remaining === null ? '-' : `${remaining} of ${limit}`
}

export function resetText({ user: { resetAt } }: UpstreamRow, nowMs: number): string {
  return resetAt === null ? '-' : `in ${untilText(resetAt, nowMs)}`
}

/** That in the middle, and that of the slow ones. */
export function latencyText({ endpoint: { latency } }: UpstreamRow): string {
  return latency ? `${latency.medianMs}/${latency.p95Ms} ms` : '-'
}

export function hostOf(url: string): string {
  return new URL(url).host
}
