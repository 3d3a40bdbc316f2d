import type { ParameterizedContext, Middleware as KoaMiddleware } from 'koa'
import type { Outcome } from '../oci/source.ts'
import type { Route } from '../policy/routes.ts'
import type { Action } from '../telemetry/action.ts'
import type { ContentFeed } from '../telemetry/content-feed.ts'
import type { RequestKind } from '../telemetry/served-request.ts'
import type { Forwarded } from './trusted-proxies.ts'

/** What becomes known of a request while it is answered; the access log tells it at the end. */
export interface Exchange {
  /** The address of the client. */
  readonly remote: string | undefined
  /** What proxies say of the request that are believed. */
  readonly forwarded: Forwarded | undefined
  kind: RequestKind
  route: Route | undefined
  reference: string | undefined
  /** What the request is about; `undefined` also for what begins or goes on, and is told at its end. */
  action: Action | undefined
  /** Who has logged in, where that was asked. */
  principal: string | undefined
  outcome: Outcome | undefined
  /** What a client whom we do not know is told to do about it. */
  challenge: string | undefined
  /** Body bytes that were written to the socket. */
  bytes: number
  /** On the clock of `performance.now()`. */
  firstByteAtMs: number | undefined
  error: unknown
  /** Aborted when the client leaves before the answer has ended. */
  readonly signal: AbortSignal
  readonly feed: ContentFeed
}

export interface HttpState {
  exchange: Exchange
}

export type Context = ParameterizedContext<HttpState>

export type Middleware = KoaMiddleware<HttpState>

/** What is known of a request as it comes. */
type Arrival = Pick<Exchange, 'remote' | 'forwarded' | 'signal' | 'feed'>

export function newExchange(arrival: Arrival): Exchange {
  return {
    ...arrival,
    kind: 'other',
    route: undefined,
    reference: undefined,
    action: undefined,
    principal: undefined,
    outcome: undefined,
    challenge: undefined,
    bytes: 0,
    firstByteAtMs: undefined,
    error: undefined,
  }
}
