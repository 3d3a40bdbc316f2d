import { z } from 'zod'
import type { Stats, StatsHistory, TopList } from '../../../admin-stats.ts'
import { breakerState, bytes, count, digest, ms, pulls, repository, text, time } from './fields.ts'

const traffic = z.strictObject({
  served: bytes.describe('Of manifests and blobs, to clients.'),
  fetched: bytes.describe('From upstream.'),
})

const budget = z
  .strictObject({
    credential: text.describe('The user name; `anonymous` without credentials.'),
    limit: count.nullable(),
    remaining: count.nullable(),
    resetAt: time.nullable(),
    limitedUntil: time.nullable().describe('Until then it is not used for manifests.'),
  })
  .describe('What an upstream said of its limit; `null` where it has not said it.')

const endpoint = z.strictObject({
  url: text,
  state: breakerState,
  limitedUntil: time.nullable().describe('Until then it is not asked at all.'),
  budget: z.array(budget),
})

const upstream = z
  .strictObject({
    name: text,
    savedPulls: count.describe('GETs of manifests that were answered here, since the start.'),
    isLow: z.boolean().describe('Whether it is asked only for what a client waits for.'),
    state: breakerState,
    budget: z.array(budget),
    endpoints: z.array(endpoint).describe('In the order in which they are asked.'),
  })
  .describe('`state` and `budget` are those of the endpoint that is asked first.')

const fill = z.strictObject({
  digest,
  repository,
  bytes,
  totalBytes: bytes.nullable().describe('`null` while upstream has not told.'),
  bytesPerSecond: bytes.describe('Over the last five seconds.'),
  remainingMs: ms
    .nullable()
    .describe('How long the rest takes at this rate; `null` where that cannot be foreseen.'),
  followers: count.describe('Clients that read it while it arrives.'),
})

const webhook = z.strictObject({
  name: text,
  state: z.enum(['idle', 'delivering', 'failing']),
  queued: count,
  delivered: count,
  failed: count.describe('Requests, not events.'),
  dropped: count,
})

const eviction = z.strictObject({
  state: z.enum(['idle', 'running']),
  isSpaceFull: z.boolean().describe('Nothing new is kept: pulls go past the cache.'),
  isStuck: z.boolean().describe('More should go, but all that is left is pinned or in use.'),
  lastPass: z
    .strictObject({ startedAt: time, durationMs: ms, images: count, contents: count, bytes })
    .nullable(),
})

export const stats = z
  .strictObject({
    uptimeMs: ms,
    pulls,
    bytes: traffic,
    lostContents: count.describe('Contents that were found missing or wrong.'),
    store: z.strictObject({
      bytes,
      entries: count,
      maxBytes: bytes,
      state: breakerState.nullable().describe('Of S3; `null` where content is in files.'),
      cache: z
        .strictObject({ bytes, entries: count, maxBytes: bytes, hits: count, misses: count })
        .nullable()
        .describe('Copies on the local disk of what is in S3.'),
    }),
    eviction,
    pins: z.strictObject({ patterns: count }),
    fills: z.array(fill),
    upstreams: z.array(upstream),
    webhooks: z.array(webhook),
    audit: z
      .strictObject({ isFailing: z.boolean().describe('Whether its lines cannot be written.') })
      .nullable()
      .describe('`null` where there is no audit log.'),
  })
  .describe('Counted since the start, and how things stand.') satisfies z.ZodType<Stats>

export const statsHistory = z.strictObject({
  resolution: z.enum(['minute', 'hour']),
  spans: z
    .array(
      z.strictObject({
        start: time,
        pulls,
        bytes: traffic,
        storeBytes: bytes.describe('At the end of it, as the budgets.'),
        budgets: z.array(z.strictObject({ upstream: text, limit: count, remaining: count })),
      }),
    )
    .describe('In order of time; those in which the daemon did not run are missing.'),
}) satisfies z.ZodType<StatsHistory>

export const topList = z
  .strictObject({ repositories: z.array(z.strictObject({ repository, bytes, pulls })) })
  .describe('The most first.') satisfies z.ZodType<TopList>
