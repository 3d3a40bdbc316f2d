import { UpstreamError } from '../oci/upstream-error.ts'
import type { TransportRequest, TransportResponse } from './exchange.ts'
import type { Transport } from './transport.ts'

const MAX_REDIRECTS = 5

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** What may be sent to where a redirect leads; above all not `Authorization`. */
const REDIRECTED_HEADERS: readonly string[] = ['accept', 'range']

export interface FollowedResponse extends TransportResponse {
  /** True where another address than the one asked has answered. */
  isRedirected: boolean
}

/**
 * Sends the request and follows redirects, at most five, never from https to http, with none of
 * its headers but `Accept` and `Range`. Throws UpstreamError `refused` where one may not be
 * followed, and what the transport throws.
 */
export async function requestFollowing(
  transport: Transport,
  upstream: string,
  request: TransportRequest,
): Promise<FollowedResponse> {
  let current = request
  for (let count = 0; ; count++) {
    const response = await transport.request(current)
    if (!REDIRECT_STATUSES.has(response.status)) return { ...response, isRedirected: count > 0 }
    await response.body[Symbol.asyncDispose]()
    if (count === MAX_REDIRECTS) {
      throw new UpstreamError(upstream, 'refused', `${upstream}: more than 5 redirects in a row`)
    }
    const url = redirectTarget(upstream, response.url, response.headers.location)
    current = { ...request, url, headers: redirectedHeaders(request.headers) }
  }
}

/** Where a redirect leads. Throws UpstreamError. */
export function redirectTarget(upstream: string, from: URL, location: string | undefined): URL {
  const url = location === undefined ? null : URL.parse(location, from.href)
  if (!url) {
    const message = `${upstream}: ${from.host} redirects without saying where`
    throw new UpstreamError(upstream, 'invalid', message)
  }
  const isSecure = url.protocol === 'https:'
  const isAllowed = isSecure || (url.protocol === 'http:' && from.protocol === 'http:')
  if (!isAllowed) {
    const message = `${upstream}: ${from.host} redirects to ${url.protocol}//${url.host}, which is not followed`
    throw new UpstreamError(upstream, 'refused', message)
  }
  return url
}

function redirectedHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => REDIRECTED_HEADERS.includes(name)),
  )
}
