import type { LiveStatus } from '../../admin-daemon.ts'
import type { JobList, RemovableEntry } from '../../admin-api.ts'
import type { UpstreamList } from '../../admin-upstreams.ts'
import type { Stats, StatsHistory, StatsSpan } from '../../admin-stats.ts'
import type { AdminClient } from '../admin-client.ts'

const DAY_MS = 86_400_000
/** What moves slowly is asked for again after this long. */
const OUTLOOK_FOR_MS = 10_000

/** How a mirror does at a moment. */
export interface Snapshot extends LiveStatus, Outlook {
  atMs: number
}

interface Outlook {
  /** Each hour of the last day in which the daemon ran. */
  hours: StatsSpan[]
  /** What goes first, if something has to; `undefined` where nothing may. */
  next: RemovableEntry | undefined
}

export async function takeSnapshot(client: AdminClient): Promise<Snapshot> {
  const atMs = Date.now()
  const [stats, { jobs }, { upstreams }, outlook] = await Promise.all([
    client.ask<Stats>('GET', 'stats'),
    client.ask<JobList>('GET', 'jobs'),
    client.ask<UpstreamList>('GET', 'upstreams'),
    outlookOf(client, atMs),
  ])
  return { atMs, stats, jobs, upstreams, ...outlook }
}

/** A snapshot each second, until the daemon goes away, which is a failure. */
export async function* liveSnapshots(client: AdminClient): AsyncIterable<Snapshot> {
  let outlook: Outlook | undefined
  let outlookAtMs = 0
  for await (const status of client.live()) {
    const atMs = Date.now()
    if (!outlook || atMs - outlookAtMs >= OUTLOOK_FOR_MS) {
      outlook = await outlookOf(client, atMs)
      outlookAtMs = atMs
    }
    yield { atMs, ...status, ...outlook }
  }
}

async function outlookOf(client: AdminClient, nowMs: number): Promise<Outlook> {
  const query = new URLSearchParams({
    resolution: 'hour',
    from: new Date(nowMs - DAY_MS).toISOString(),
  })
  const [{ spans }, next] = await Promise.all([
    client.ask<StatsHistory>('GET', `stats/history?${query.toString()}`),
    firstToGo(client),
  ])
  return { hours: spans, next }
}

const FIRST = { dryRun: true, toBytes: 0, limit: 1 } as const

async function firstToGo(client: AdminClient): Promise<RemovableEntry | undefined> {
  for await (const item of client.items('evict', FIRST)) return item
  return undefined
}
