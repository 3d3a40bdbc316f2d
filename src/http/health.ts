import { Router } from '@koa/router'
import type { HttpState } from './exchange.ts'

/** `/healthz`: the process lives. `/readyz`: it takes pulls; 503 while it starts or drains. */
export function healthRouter(isReady: () => boolean): Router<HttpState> {
  const router = new Router<HttpState>()
  router.get('/healthz', (context) => {
    context.state.exchange.kind = 'health'
    context.body = 'ok\n'
  })
  router.get('/readyz', (context) => {
    context.state.exchange.kind = 'health'
    const ready = isReady()
    context.status = ready ? 200 : 503
    context.body = ready ? 'ready\n' : 'not ready\n'
  })
  return router
}
