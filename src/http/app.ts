import type Koa from 'koa'
import type { Events } from '../telemetry/events.ts'
import type { AccessLogOptions } from './access-log.ts'
import { baseApp } from './base-app.ts'
import { BufferPool } from './buffer-pool.ts'
import type { HttpState } from './exchange.ts'
import { healthRouter } from './health.ts'
import { registry, type RegistryOptions } from './registry.ts'

export interface AppOptions extends RegistryOptions, AccessLogOptions {
  events: Events
  /** False while the daemon starts or drains. */
  isReady: () => boolean
}

const KIB = 1024

/** The main listener's application: the registry's API and health. */
export function createApp(options: AppOptions): Koa<HttpState> {
  const pool = new BufferPool({
    chunkBytes: 512 * KIB,
    smallBytes: 64 * KIB,
    capBytes: 64 * KIB * KIB,
    aheadBytes: 16 * KIB * KIB,
  })
  const app = baseApp(options.events, options)
  app.use(registry(options, pool))
  app.use(healthRouter(options.isReady).routes())
  return app
}
