import { pino } from 'pino'
import type { Operations } from '../../../src/cache/operations.ts'
import type { TagOperations } from '../../../src/cache/tag-operations.ts'
import { createAdminApp } from '../../../src/http/admin/app.ts'
import type { Stats } from '../../../src/admin-stats.ts'
import type { History } from '../../../src/http/admin/stats-routes.ts'
import { listen, type HttpServer } from '../../../src/http/server.ts'
import { Routes } from '../../../src/policy/routes.ts'
import { Events } from '../../../src/telemetry/events.ts'
import { Metrics } from '../../../src/telemetry/metrics.ts'

/** What the daemon says of itself where a test says nothing else. */
export const stats: Stats = {
  uptimeMs: 1000,
  pulls: { hit: 3, miss: 1, join: 0, stale: 0, bypass: 0 },
  bytes: { served: 400, fetched: 100 },
  lostContents: 0,
  store: { bytes: 100, entries: 1, maxBytes: 1000, state: null, cache: null },
  eviction: { state: 'idle', isSpaceFull: false, isStuck: false, lastPass: null },
  pins: { patterns: 0 },
  fills: [
    {
      digest: 'sha256:0',
      repository: 'library/a',
      bytes: 1,
      totalBytes: null,
      bytesPerSecond: 1,
      remainingMs: null,
      followers: 2,
    },
  ],
  webhooks: [],
  audit: null,
  upstreams: [
    {
      name: 'docker.io',
      savedPulls: 3,
      isLow: true,
      state: 'closed',
      budget: [
        { credential: 'anonymous', limit: 100, remaining: 7, resetAt: null, limitedUntil: null },
      ],
      endpoints: [
        { url: 'https://registry-1.docker.io/', state: 'closed', limitedUntil: null, budget: [] },
      ],
    },
  ],
}

interface AdminOptions {
  token?: string
  stats?: () => Promise<Stats>
  history?: History
  isReady?: boolean
}

/** The admin listener with nothing behind it. */
export async function startAdmin(options: AdminOptions = {}): Promise<HttpServer> {
  const metrics = new Metrics()
  const events = new Events(pino({ level: 'silent' }), metrics)
  events.bytesFetched('docker.io', 123)
  const app = createAdminApp({
    events,
    metrics,
    stats: options.stats ?? (() => Promise.resolve(stats)),
    history: options.history ?? { spans: () => Promise.resolve([]) },
    config: () => ({ file: null, keys: [] }),
    recentErrors: { list: () => [] },
    // Asked on the whole daemon: see the tests of the routes.
    operations: {} as Operations,
    hosted: undefined,
    tags: {} as TagOperations,
    routes: new Routes([]),
    upstreams: new Map(),
    isReady: () => options.isReady ?? true,
    token: options.token,
    isSecure: false,
  })
  return listen(app, { host: '127.0.0.1', port: 0 })
}
