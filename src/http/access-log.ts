import type { Events } from '../telemetry/events.ts'
import { newExchange, type Context, type Exchange, type Middleware } from './exchange.ts'

/** As nginx logs it: the client left before there was an answer. */
const CLIENT_LEFT = 499

/** Opens the exchange of each request and tells of it when the answer has ended, or the client has. */
export function accessLog(events: Events): Middleware {
  return (context, next) => {
    const startedAtMs = performance.now()
    const client = new AbortController()
    const exchange = newExchange(client.signal)
    context.state.exchange = exchange
    context.res.once('close', () => {
      tell(events, context, exchange, startedAtMs)
      if (!context.res.writableFinished) client.abort()
    })
    return next()
  }
}

function tell(events: Events, { req, res }: Context, exchange: Exchange, startedAtMs: number) {
  const { kind, route, reference, outcome, bytes, firstByteAtMs, error } = exchange
  const request = {
    method: req.method ?? '',
    path: pathOf(req.url ?? ''),
    kind,
    status: res.headersSent ? res.statusCode : CLIENT_LEFT,
    aborted: !res.writableFinished,
    bytes,
    durationMs: millisecondsBetween(startedAtMs, performance.now()),
    firstByteMs: firstByteAtMs && millisecondsBetween(startedAtMs, firstByteAtMs),
    outcome,
    upstream: route?.upstream,
    repository: route?.repository,
    reference,
    remote: req.socket.remoteAddress,
    userAgent: req.headers['user-agent'],
  }
  events.requestServed(request, error)
}

export function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

/** Rounded to microseconds: more digits only make the line longer. */
function millisecondsBetween(fromMs: number, toMs: number): number {
  return Math.round((toMs - fromMs) * 1000) / 1000
}
