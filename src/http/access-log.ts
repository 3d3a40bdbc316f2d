import { LoginError } from '../auth/login-error.ts'
import type { Action } from '../telemetry/action.ts'
import type { AuditLog } from '../telemetry/audit-log.ts'
import type { Events } from '../telemetry/events.ts'
import type { ServedRequest } from '../telemetry/served-request.ts'
import { traceRequest } from '../telemetry/tracing.ts'
import { announcePull } from './announce.ts'
import { printable } from '../util/printable.ts'
import type { TrustedProxies } from './trusted-proxies.ts'
import { newExchange, type Context, type Exchange, type Middleware } from './exchange.ts'

/** As nginx logs it: the client left before there was an answer. */
const CLIENT_LEFT = 499
const UNAUTHORIZED = 401

export interface AccessLogOptions {
  /** `undefined` where none is kept. */
  audit?: AuditLog | undefined
  /** `undefined` where nobody's word is believed. */
  proxies?: TrustedProxies | undefined
}

/** Opens the exchange of each request and tells of it when the answer has ended, or the client has. */
export function accessLog(events: Events, { audit, proxies }: AccessLogOptions): Middleware {
  return (context, next) => {
    const startedAtMs = performance.now()
    const client = new AbortController()
    const forwarded = proxies?.read(context.req)
    const exchange = newExchange({
      remote: forwarded?.address ?? context.req.socket.remoteAddress,
      forwarded,
      signal: client.signal,
      feed: events.feed,
    })
    context.state.exchange = exchange
    const trace = traceRequest(context.req.headers)
    context.res.once('close', () => {
      const request = servedRequest(context, exchange, startedAtMs)
      events.requestServed(request, exchange.error)
      trace.end(attributesOf(request), request.status >= 500 ? exchange.error : undefined)
      if (audit) tellAudit(audit, request, context)
      const { action } = exchange
      if (action && isPull(action, request)) announcePull(context, action)
      if (!context.res.writableFinished) client.abort()
    })
    return trace.within(next)
  }
}

function attributesOf(request: ServedRequest): Record<string, string | number | undefined> {
  return {
    'http.request.method': request.method,
    'http.response.status_code': request.status,
    'http.response.body.size': request.bytes,
    'url.path': request.path,
    'entrepot.kind': request.kind,
    'entrepot.outcome': request.outcome,
    'entrepot.upstream': request.upstream,
    'entrepot.repository': request.repository,
  }
}

function servedRequest(
  { req, res }: Context,
  exchange: Exchange,
  startedAtMs: number,
): ServedRequest {
  const { kind, route, reference, action, outcome, bytes, firstByteAtMs, principal, remote } =
    exchange
  const userAgent = req.headers['user-agent']
  return {
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
    digest: action && isManifestPull(action) ? action.content?.digest : undefined,
    principal,
    remote,
    userAgent: userAgent && printable(userAgent),
  }
}

/** A whole manifest that has come to its client; one that the client had already is no pull. */
function isPull(action: Action, { status, aborted }: ServedRequest): boolean {
  return isManifestPull(action) && status === 200 && !aborted
}

function isManifestPull({ name, kind }: Action): boolean {
  return name === 'pull' && kind === 'manifest'
}

function tellAudit(audit: AuditLog, request: ServedRequest, { state }: Context): void {
  const { action, error } = state.exchange
  // Who shows no credentials is asked for them, and comes again.
  if (error instanceof LoginError) audit.loginRefused(request)
  else if (action && request.status !== UNAUTHORIZED) audit.requested({ action, request })
}

export function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

/** Rounded to microseconds: more digits only make the line longer. */
function millisecondsBetween(fromMs: number, toMs: number): number {
  return Math.round((toMs - fromMs) * 1000) / 1000
}
