import Koa from 'koa'
import type { Events } from '../telemetry/events.ts'
import { accessLog, type AccessLogOptions, pathOf } from './access-log.ts'
import { errors } from './errors.ts'
import type { Context, HttpState } from './exchange.ts'

/** What both listeners begin with. */
export function baseApp(events: Events, options: AccessLogOptions = {}): Koa<HttpState> {
  const app = new Koa<HttpState>()
  app.use(accessLog(events, options))
  app.use(errors(events))
  app.on('error', (error: unknown, context: Context | undefined) => {
    if (!context) {
      events.connectionFailed({ error })
      return
    }
    // Koa also tells of clients that left; the access log has those.
    if (context.req.socket.destroyed) return
    events.requestFailed({ method: context.method, path: pathOf(context.req.url ?? ''), error })
  })
  return app
}
