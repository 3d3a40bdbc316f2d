import type {
  JobEntry,
  JobList,
  RemovableEntry,
  UpstreamEntry,
  UpstreamList,
} from '../../admin-api.ts'
import type { Stats, StatsHistory, StatsSpan } from '../../admin-stats.ts'
import type { AdminClient } from '../admin-client.ts'

const DAY_MS = 86_400_000

/** How a mirror does at a moment. */
export interface Snapshot {
  atMs: number
  stats: Stats
  jobs: JobEntry[]
  upstreams: UpstreamEntry[]
  /** Each hour of the last day in which the daemon ran. */
  hours: StatsSpan[]
  /** What goes first, if something has to; `undefined` where nothing may. */
  next: RemovableEntry | undefined
}

export async function takeSnapshot(client: AdminClient): Promise<Snapshot> {
  const atMs = Date.now()
  const query = new URLSearchParams({
    resolution: 'hour',
    from: new Date(atMs - DAY_MS).toISOString(),
  })
  const [stats, { jobs }, { upstreams }, { spans }, next] = await Promise.all([
    client.ask<Stats>('GET', 'stats'),
    client.ask<JobList>('GET', 'jobs'),
    client.ask<UpstreamList>('GET', 'upstreams'),
    client.ask<StatsHistory>('GET', `stats/history?${query.toString()}`),
    firstToGo(client),
  ])
  return { atMs, stats, jobs, upstreams, hours: spans, next }
}

async function firstToGo(client: AdminClient): Promise<RemovableEntry | undefined> {
  for await (const item of client.items('evict', { dryRun: true, toBytes: 0 })) return item
  return undefined
}
