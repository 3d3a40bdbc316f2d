import { isIP } from 'node:net'
import type { Context, Middleware } from '../exchange.ts'
import { ApiError } from './api-error.ts'

/** A request without it came from no browser, or from an old one, whose `Origin` tells the same. */
const OWN_SITES = new Set(['', 'same-origin', 'none'])

/**
 * Refuses what would change something and comes from a page of another origin: without a token
 * the listener's only protection is that it is loopback, where the browsers of its machine are,
 * or a certificate, which they show by themselves. No answer of ours allows another origin to read
 * it either; a foreign name that is made to resolve to loopback would pass for the same origin, so
 * that with neither a token nor TLS only `local` names are answered.
 */
export function originGuard(names: 'any' | 'local'): Middleware {
  return (context, next) => {
    const changesNothing = context.method === 'GET' || context.method === 'HEAD'
    if (!changesNothing && !isOwnOrigin(context)) {
      throw new ApiError('FORBIDDEN', 'a page of another origin may not change anything here')
    }
    if (names === 'local' && !isLocalName(context.hostname)) {
      throw new ApiError(
        'FORBIDDEN',
        'without admin.token or admin.tls it answers to localhost or an address',
      )
    }
    return next()
  }
}

function isOwnOrigin(context: Context): boolean {
  const origin = context.get('origin')
  if (!OWN_SITES.has(context.get('sec-fetch-site'))) return false
  return origin === '' || URL.parse(origin)?.host === context.host
}

function isLocalName(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) > 0
}
