import { UpstreamError, type UpstreamErrorKind } from '../oci/upstream-error.ts'
import { readAll } from '../util/byte-reader.ts'
import type { Clock } from '../util/clock.ts'
import { retryAfterMs } from './retry-after.ts'
import type { TransportResponse } from './exchange.ts'
import type { Transport } from './transport.ts'

export interface Credentials {
  username: string
  password: string
}

export interface TokenRequest {
  realm: URL
  service: string | undefined
  scope: string
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

const MAX_ANSWER_BYTES = 64 * 1024

const DEADLINE_MS = 30_000

export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/**
 * Asks a token server. Throws UpstreamError: `denied` where the credentials are not taken,
 * `rate-limited` on 429, `token` for all other trouble.
 */
export async function fetchToken(
  request: TokenRequest,
  { upstream, transport, clock }: TokenServerOptions,
): Promise<Token> {
  const { realm, service, scope, credentials } = request
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  url.searchParams.append('scope', scope)
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
      method: 'GET',
      url,
      headers: credentials ? { authorization: basicAuthorization(credentials) } : {},
      // Many wait for one token, so none of them may end it.
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    await using body = response.body
    bytes = await readAll(body, MAX_ANSWER_BYTES)
  } catch (cause) {
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

function tokenOf(bytes: Uint8Array): Token | undefined {
  const json = parseJson(bytes)
  const value = json['token'] || json['access_token']
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) return undefined
  const seconds = json['expires_in']
  const isLife = typeof seconds === 'number' && seconds > 0
  return { value, lifeMs: isLife ? seconds * 1000 : DEFAULT_LIFE_MS }
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // The caller says that there is no token in it.
    return {}
  }
}
