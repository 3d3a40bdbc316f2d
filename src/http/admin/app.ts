import { Router } from '@koa/router'
import type Koa from 'koa'
import type { Events } from '../../telemetry/events.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { baseApp } from '../base-app.ts'
import type { HttpState } from '../exchange.ts'
import { healthRouter } from '../health.ts'
import { bearerGuard } from './bearer-guard.ts'
import type { Stats } from './stats.ts'

export interface AdminAppOptions {
  events: Events
  metrics: Metrics
  stats: () => Promise<Stats>
  isReady: () => boolean
  /** Where set, all but health needs it. */
  token: string | undefined
}

/** The admin listener's application: JSON, metrics and health. */
export function createAdminApp(options: AdminAppOptions): Koa<HttpState> {
  const { events, metrics, stats, isReady, token } = options
  const app = baseApp(events)
  app.use(healthRouter(isReady).routes())
  app.use((context, next) => {
    context.state.exchange.kind = 'admin'
    return next()
  })
  if (token !== undefined) app.use(bearerGuard(token))
  const router = new Router<HttpState>()
  router.get('/api/v1/stats', async (context) => {
    context.body = await stats()
  })
  router.get('/metrics', async (context) => {
    const { contentType, text } = await metrics.scrape()
    context.set('Content-Type', contentType)
    context.body = text
  })
  app.use(router.routes())
  return app
}
