import { Router } from '@koa/router'
import type Koa from 'koa'
import type { Operations } from '../../cache/operations.ts'
import type { TagOperations } from '../../cache/tag-operations.ts'
import type { HostedOperations } from '../../hosted/hosted-operations.ts'
import type { Routes } from '../../policy/routes.ts'
import type { Events } from '../../telemetry/events.ts'
import type { RecentErrors } from '../../telemetry/recent-errors.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { systemClock } from '../../util/clock.ts'
import { baseApp } from '../base-app.ts'
import type { HttpState, Middleware } from '../exchange.ts'
import { healthRouter } from '../health.ts'
import { ApiError } from './api-error.ts'
import { apiErrors, type Tell, tellWith } from './api-errors.ts'
import type { ConfigReport } from '../../admin-daemon.ts'
import { addDaemonRoutes } from './daemon-routes.ts'
import { bearerGuard } from './bearer-guard.ts'
import { addContentRoutes } from './content-routes.ts'
import { addOpenApiRoutes } from './openapi-routes.ts'
import { originGuard } from './origin-guard.ts'
import { pageRouter } from './page-files.ts'
import type { Stats } from '../../admin-stats.ts'
import { addStatsRoutes, type History } from './stats-routes.ts'
import { answerEvents } from './event-answer.ts'
import { jobEntry } from './entries.ts'
import { addHostedRoutes } from './hosted-routes.ts'
import { answerLive, LiveEvents } from './live-answer.ts'
import { addTagRoutes } from './tag-routes.ts'
import { addUpstreamRoutes, type ReportedUpstream, upstreamEntries } from './upstream-routes.ts'
import { addWorkRoutes } from './work-routes.ts'

export interface AdminAppOptions {
  events: Events
  metrics: Metrics
  stats: () => Promise<Stats>
  history: History
  config: () => ConfigReport
  recentErrors: Pick<RecentErrors, 'list'>
  operations: Operations
  tags: TagOperations
  /** Where there is something hosted. */
  hosted: HostedOperations | undefined
  upstreams: ReadonlyMap<string, ReportedUpstream>
  /** What the names of images are read with. */
  routes: Routes
  isReady: () => boolean
  /** Where set, all but health and the page needs it. */
  token: string | undefined
  /** Whether it speaks TLS, so that its certificate says by which names it is asked. */
  isSecure: boolean
}

/** The admin listener's application: the page, JSON, metrics and health. */
export function createAdminApp(options: AdminAppOptions): Koa<HttpState> {
  const { events, isReady, token, isSecure } = options
  const app = baseApp(events)
  app.use(healthRouter(isReady).routes())
  app.use((context, next) => {
    context.state.exchange.kind = 'admin'
    return next()
  })
  const tell = tellWith(events, isReady)
  app.use(apiErrors(tell))
  app.use(refuseUnanswered())
  app.use(pageRouter().routes())
  if (token !== undefined) app.use(bearerGuard(token))
  app.use(originGuard(token !== undefined || isSecure ? 'any' : 'local'))
  for (const router of [metricsRouter(options), apiRouter(options, tell)]) {
    app.use(router.routes())
    app.use(router.allowedMethods())
  }
  return app
}

function metricsRouter({ metrics }: AdminAppOptions): Router<HttpState> {
  const router = new Router<HttpState>()
  router.get('/metrics', async (context) => {
    const { contentType, text } = await metrics.scrape()
    context.set('Content-Type', contentType)
    context.body = text
  })
  return router
}

function apiRouter(options: AdminAppOptions, tell: Tell): Router<HttpState> {
  const { events, stats, history, operations, tags, hosted, routes, upstreams } = options
  const router = new Router<HttpState>({ prefix: '/api/v1' })
  addOpenApiRoutes(router)
  addStatsRoutes(router, stats, history, options.events.top)
  addDaemonRoutes(router, options.config, options.recentErrors)
  addContentRoutes(router, operations, routes, events)
  const status = async () => ({
    stats: await stats(),
    jobs: operations.jobs().map(jobEntry),
    upstreams: upstreamEntries(upstreams),
  })
  const live = new LiveEvents(status, systemClock)
  router.get('/live', (context) => answerLive(context, tell, live))
  router.get('/events', (context) => answerEvents(context, events.feed))
  addTagRoutes(router, tags, routes)
  addWorkRoutes(router, operations, { routes, hosted }, tell)
  addUpstreamRoutes(router, upstreams)
  addHostedRoutes(router, hosted, routes, tell)
  return router
}

/** Routes leave what they do not know without a body. */
function refuseUnanswered(): Middleware {
  return async (context, next) => {
    await next()
    const { status, path, method } = context
    if (status === 404) throw new ApiError('NOT_FOUND', `there is no ${path} here`)
    if (status === 405 || status === 501) {
      throw new ApiError('METHOD_NOT_ALLOWED', `${path} does not take ${method}`)
    }
  }
}
