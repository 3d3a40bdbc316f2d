import type Koa from 'koa'
import type { Routes } from '../policy/routes.ts'
import type { Events } from '../telemetry/events.ts'
import { baseApp } from './base-app.ts'
import { BufferPool } from './buffer-pool.ts'
import type { HttpState } from './exchange.ts'
import { healthRouter } from './health.ts'
import { registry } from './registry.ts'

export interface AppOptions {
  routes: Routes
  events: Events
  /** False while the daemon starts or drains. */
  isReady: () => boolean
}

const KIB = 1024

/** The main listener's application: the pull API and health. */
export function createApp({ routes, events, isReady }: AppOptions): Koa<HttpState> {
  const pool = new BufferPool({
    chunkBytes: 512 * KIB,
    smallBytes: 64 * KIB,
    capBytes: 64 * KIB * KIB,
    aheadBytes: 16 * KIB * KIB,
  })
  const app = baseApp(events)
  app.use(registry(routes, pool))
  app.use(healthRouter(isReady).routes())
  return app
}
