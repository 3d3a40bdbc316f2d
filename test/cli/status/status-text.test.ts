import { assert, nat, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { UpstreamEntry } from '../../../src/admin-upstreams.ts'
import type { Stats, StatsSpan } from '../../../src/admin-stats.ts'
import { wrapped } from '../../../src/cli/status/fitted.ts'
import type { Snapshot } from '../../../src/cli/status/snapshot.ts'
import { statusLines } from '../../../src/cli/status/status-text.ts'

const GIB = 1024 ** 3
const NOW = Date.parse('2026-03-10T12:00:00Z')

function inMs(ms: number): string {
  return new Date(NOW + ms).toISOString()
}

const STATS: Stats = {
  uptimeMs: 3 * 86_400_000,
  pulls: { hit: 12_000, miss: 1000, join: 300, stale: 45, bypass: 0 },
  bytes: { served: 100 * GIB, fetched: 10 * GIB },
  lostContents: 0,
  store: { bytes: 25 * GIB, entries: 1234, maxBytes: 50 * GIB, state: null, cache: null },
  eviction: { state: 'idle', isSpaceFull: false, isStuck: false, lastPass: null },
  pins: { patterns: 0 },
  fills: [],
  upstreams: [],
  webhooks: [],
  audit: null,
}

const SNAPSHOT: Snapshot = {
  atMs: NOW,
  stats: STATS,
  jobs: [],
  upstreams: [],
  hours: [],
  next: undefined,
}

function upstream(endpoint: Partial<UpstreamEntry['endpoints'][number]>): UpstreamEntry {
  const user = {
    credential: 'alice',
    isAnswering: true,
    isRefused: false,
    authentication: null,
    limit: null,
    remaining: null,
    resetAt: null,
    limitedUntil: null,
  }
  const known = {
    url: 'https://registry-1.docker.io/',
    proxy: null,
    latency: { medianMs: 23, p95Ms: 180, answers: 100 },
    limitedUntil: null,
  }
  return {
    name: 'docker.io',
    endpoints: [{ ...known, state: 'closed', users: [user], ...endpoint }],
  }
}

function refusing({ name, endpoints }: UpstreamEntry): UpstreamEntry {
  const refused = endpoints.map((endpoint) => ({
    ...endpoint,
    users: endpoint.users.map((user) => ({ ...user, isRefused: true })),
  }))
  return { name, endpoints: refused }
}

function textOf(change: Partial<Snapshot>): string[] {
  return statusLines({ ...SNAPSHOT, ...change }, 80).map(({ text }) => text)
}

function withStats(change: Partial<Stats>): Partial<Snapshot> {
  return { stats: { ...STATS, ...change } }
}

test('figures are aligned', () => {
  expect(textOf({})).toEqual([
    'healthy, up for 3d',
    '',
    'pulls        13,345  hit 12,000, join 300, stale 45, miss 1,000',
    'hit ratio    92.5 %  of pulls needed no content from upstream',
    'served      100 GiB  since the start',
    'fetched    10.0 GiB  from upstream',
    'saved      90.0 GiB  90.0 % of what was served',
    'held       25.0 GiB  50.0 % of 50.0 GiB, 1,234 contents',
  ])
})

function hourOf(start: string, storeBytes: number): StatsSpan {
  return { start, storeBytes, pulls: STATS.pulls, bytes: STATS.bytes, budgets: [] }
}

test('what is held is full when it grows on as in the last day', () => {
  const hours = [hourOf(inMs(-11 * 3_600_000), 20 * GIB), hourOf(inMs(-3_600_000), 25 * GIB)]
  expect(textOf({ hours })).toContain(
    'held       25.0 GiB  50.0 % of 50.0 GiB, 1,234 contents, full in 2d at this pace',
  )
})

describe('problems come first', () => {
  test.each<[string, Partial<Snapshot>]>([
    [
      '- docker.io: registry-1.docker.io does not answer: it is left alone for a while',
      { upstreams: [upstream({ state: 'open' })] },
    ],
    [
      '- docker.io: registry-1.docker.io does not answer: the next pull tries it again',
      { upstreams: [upstream({ state: 'half-open' })] },
    ],
    [
      '- docker.io: registry-1.docker.io refuses all requests as too many: it is asked',
      { upstreams: [upstream({ limitedUntil: inMs(90_000) })] },
    ],
    [
      '- docker.io: registry-1.docker.io refuses alice: wrong or ended credentials',
      { upstreams: [refusing(upstream({}))] },
    ],
    [
      '- the audit log cannot be written: its lines wait, and then are lost (entrepot',
      withStats({ audit: { isFailing: true } }),
    ],
    [
      '- space is full: nothing new is kept, pulls go past the cache',
      withStats({ eviction: { ...STATS.eviction, isSpaceFull: true } }),
    ],
    [
      '- nothing more may be evicted: all that is left is pinned or in use (entrepot',
      withStats({ eviction: { ...STATS.eviction, isStuck: true } }),
    ],
    [
      '- S3 does not answer: what is kept there alone cannot be served',
      withStats({ store: { ...STATS.store, state: 'open' } }),
    ],
    [
      '- ci: this webhook takes no events, 7 events wait for it',
      withStats({
        webhooks: [
          { name: 'ci', state: 'failing', queued: 7, delivered: 1, failed: 3, dropped: 0 },
        ],
      }),
    ],
    [
      '- 2 contents found missing or wrong since the start: fetched again; more than',
      withStats({ lostContents: 2 }),
    ],
    [
      '- scrub found 1 wrong content 1h ago: see quarantine/',
      {
        jobs: [
          {
            name: 'scrub',
            everyMs: 1,
            isRunning: false,
            progress: null,
            nextRunAt: null,
            lastRun: {
              startedAt: inMs(-3_600_000),
              endedAt: inMs(-3_600_000),
              result: { contents: 12, quarantined: 1 },
              error: null,
            },
          },
        ],
      },
    ],
    [
      '- docker.io: pulls run low, it is asked only for what a client waits for; the',
      withStats({
        upstreams: [
          {
            name: 'docker.io',
            savedPulls: 0,
            isLow: true,
            state: 'closed',
            endpoints: [],
            budget: [
              {
                credential: 'alice',
                limit: 200,
                remaining: 3,
                resetAt: inMs(3_600_000),
                limitedUntil: null,
              },
            ],
          },
        ],
      }),
    ],
  ])('%s', (text, change) => {
    const [head, first] = statusLines({ ...SNAPSHOT, ...change }, 80)
    expect(head).toEqual({ text: '1 problem, up for 3d', tone: 'bad' })
    expect(first).toEqual({ text, tone: 'bad' })
  })
})

test('fills are told with how far they are, and those that are too many counted', () => {
  const fills = Array.from({ length: 12 }, (_, index) => ({
    digest: `sha256:${String(index).padStart(64, '0')}`,
    repository: `ghcr.io/owner/some-repository-with-a-long-name-${index}`,
    bytes: GIB / 4,
    totalBytes: index === 0 ? null : GIB,
    bytesPerSecond: index === 0 ? 0 : GIB / 64,
    remainingMs: index === 0 ? null : 48_000,
    followers: index,
  }))
  const lines = textOf(withStats({ fills }))
  const at = lines.findIndex((line) => line.startsWith('FILL'))
  expect(lines.slice(at, at + 3)).toEqual([
    'FILL                           DIGEST           DONE        RATE  LEFT  CLIENTS',
    'ghcr.io/owner/some-repositor…  000000000000  256 MiB       0 B/s     -        0',
    'ghcr.io/owner/some-repositor…  000000000000   25.0 %  16.0 MiB/s   48s        1',
  ])
  expect(lines.at(-1)).toBe('and 2 more')
})

test('what a job has done is told in words', () => {
  const lastRun = {
    startedAt: inMs(-60_000),
    endedAt: inMs(-60_000),
    result: { freedContents: 3, bytes: GIB, fetchedBytes: 2 * GIB, failed: 0 },
    error: null,
  }
  const job = { name: 'warm-1', everyMs: 1, isRunning: false, progress: null, nextRunAt: null }
  expect(textOf({ jobs: [{ ...job, lastRun }] }).at(-1)).toBe(
    'warm-1  1m ago     -  freed contents 3, bytes 1.00 GiB, fetched 2.00 GiB',
  )
})

test('on a narrow terminal problems have more lines, and all others lose their ends', () => {
  const change = { upstreams: [upstream({ state: 'open' })] }
  const lines = statusLines({ ...SNAPSHOT, ...change }, 40).map(({ text }) => text)
  expect(lines.slice(0, 5)).toEqual([
    '1 problem, up for 3d',
    '- docker.io: registry-1.docker.io does',
    '  not answer: it is left alone for a',
    '  while (entrepot upstream test)',
    '',
  ])
  expect(lines).toContain('hit ratio    92.5 %  of pulls needed no…')
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(40)
})

test('no line is longer than 80 columns, and no word of a problem is lost', () => {
  assert(
    property(string({ maxLength: 300 }), nat(1e15), (text, bytes) => {
      const failed = {
        startedAt: inMs(0),
        endedAt: inMs(0),
        result: null,
        error: text.replace(/\s+/g, ' '),
      }
      const lines = textOf({
        ...withStats({ bytes: { served: bytes, fetched: 0 } }),
        jobs: [
          {
            name: 'warm-1',
            everyMs: 1,
            isRunning: false,
            progress: null,
            nextRunAt: null,
            lastRun: failed,
          },
        ],
        upstreams: [upstream({ url: 'https://a.test/' })],
        next: {
          digest: 'sha256:0',
          names: [{ repository: text, tags: [] }],
          bytes,
          usedAt: inMs(0),
        },
      })
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
    }),
  )
  expect(wrapped('one two three four', '- ', 9)).toEqual(['- one two', '  three', '  four'])
})
