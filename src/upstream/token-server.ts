import { parseObject } from '../oci/json.ts'
import { UpstreamError, type UpstreamErrorKind } from '../oci/upstream-error.ts'
import { readAll } from '../util/byte-reader.ts'
import type { Clock } from '../util/clock.ts'
import { retryAfterMs } from './retry-after.ts'
import type { Credentials, PasswordCredentials } from './credentials.ts'
import type { TransportRequest, TransportResponse } from './exchange.ts'
import type { Transport } from './transport.ts'

export interface TokenRequest {
  realm: URL
  service: string | undefined
  /** What for; nothing in particular where `undefined`. */
  scope: string | undefined
  credentials: Credentials | undefined
}

export interface Token {
  value: string
  /** How long it is good for from when it was asked for. */
  lifeMs: number
}

export interface TokenServerOptions {
  upstream: string
  transport: Transport
  clock: Clock
}

/** What a token lives that does not say it (distribution, Token Authentication Specification). */
const DEFAULT_LIFE_MS = 60_000

/** What we call ourselves to OAuth2 token servers. */
const CLIENT_ID = 'entrepot'

const MAX_ANSWER_BYTES = 64 * 1024

const DEADLINE_MS = 30_000

export function basicAuthorization({ username, password }: PasswordCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/**
 * Asks a token server. Throws UpstreamError: `denied` where the credentials are not taken,
 * `rate-limited` on 429, `refused` where the realm is at a private address, `token` for all other trouble.
 */
export async function fetchToken(
  request: TokenRequest,
  { upstream, transport, clock }: TokenServerOptions,
): Promise<Token> {
  const { realm, credentials } = request
  const fail = (kind: UpstreamErrorKind, what: string, options = {}) =>
    new UpstreamError(
      upstream,
      kind,
      `${upstream}: the token server ${realm.host} ${what}`,
      options,
    )

  let response: TransportResponse
  let bytes: Uint8Array
  try {
    response = await transport.request({
      kind: 'token',
      ...questionOf(request),
      // Many wait for one token, so none of them may end it.
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    await using body = response.body
    bytes = await readAll(body, MAX_ANSWER_BYTES)
  } catch (cause) {
    // Where we do not go is no trouble that passes.
    if (cause instanceof UpstreamError && cause.kind === 'refused') throw cause
    throw fail('token', 'cannot be asked', { cause })
  }

  const { status, headers } = response
  if (status === 200) {
    const token = tokenOf(bytes)
    if (!token) throw fail('token', 'answered without a token', { status })
    return token
  }
  if (status === 401 || status === 403) {
    throw fail('denied', credentials ? 'does not take the credentials' : 'gives no token', {
      status,
    })
  }
  const waitMs = retryAfterMs(headers, clock.now())
  throw fail(status === 429 ? 'rate-limited' : 'token', `answered ${status}`, {
    status,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  })
}

/**
 * GET with a password (distribution, Token Authentication Specification), POST with an identity
 * token (distribution, OAuth2 Token Authentication).
 */
function questionOf(
  request: TokenRequest,
): Pick<TransportRequest, 'method' | 'url' | 'headers' | 'body'> {
  const { realm, service, scope, credentials } = request
  const url = new URL(realm)
  const isIdentity = credentials && 'identityToken' in credentials
  const parameters = isIdentity ? new URLSearchParams() : url.searchParams
  if (service !== undefined) parameters.set('service', service)
  if (scope !== undefined) parameters.append('scope', scope)
  if (!isIdentity) {
    const headers = credentials ? { authorization: basicAuthorization(credentials) } : {}
    return { method: 'GET', url, headers }
  }
  parameters.set('grant_type', 'refresh_token')
  parameters.set('client_id', CLIENT_ID)
  parameters.set('refresh_token', credentials.identityToken)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url, headers, body: parameters.toString() }
}

function tokenOf(bytes: Uint8Array): Token | undefined {
  const json = parseObject(bytes) ?? {}
  const value = json['token'] || json['access_token']
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) return undefined
  const seconds = json['expires_in']
  const isLife = typeof seconds === 'number' && seconds > 0
  return { value, lifeMs: isLife ? seconds * 1000 : DEFAULT_LIFE_MS }
}
