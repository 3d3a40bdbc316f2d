import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../src/util/clock.ts'
import { errorAnswer, jsonAnswer, type Answer, type HubRequest } from './answer.ts'

/**
 * none             nothing is asked
 * bearer           tokens, which anybody gets
 * bearer-required  tokens, worth something only with credentials
 * basic            credentials with every request
 */
export type AuthMode = 'none' | 'bearer' | 'bearer-required' | 'basic'

export interface HubAuthOptions {
  mode: AuthMode
  credentials: readonly { username: string; password: string }[]
  /** Who has which identity token. */
  identityTokens: Readonly<Record<string, string>>
  /** `expires_in`; 'absent' leaves it out, and the token lives 60 s. */
  tokenSeconds: number | 'absent'
  /** Which field carries the token. */
  tokenField: 'token' | 'access_token'
}

interface Grant {
  scopes: ReadonlySet<string>
  expiresAtMs: number
  user: string
}

export const ANONYMOUS = 'anonymous'

/** The token server, and what the registry checks of its tokens. */
export class HubAuth {
  readonly #options: HubAuthOptions
  readonly #clock: Clock
  readonly #grants = new Map<string, Grant>()

  constructor(options: HubAuthOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** No token that was given is valid any more. */
  revokeAll(): void {
    this.#grants.clear()
  }

  /** Answers `GET /token`, and `POST /token` with an identity token. */
  issue(request: HubRequest): Answer {
    const { mode, tokenSeconds, tokenField } = this.#options
    if (request.url.pathname !== '/token') return errorAnswer(404, 'NOT_FOUND', 'no such page')
    const form = new URLSearchParams(request.body)
    const parameters = request.method === 'POST' ? form : request.url.searchParams
    const user = request.method === 'POST' ? this.#ownerOf(form) : this.#guestOf(request)
    if (!user) return errorAnswer(401, 'UNAUTHORIZED', 'incorrect username or password')
    const asked = parameters.getAll('scope').flatMap((scope) => scope.split(' '))
    const isWorthless = mode === 'bearer-required' && user === ANONYMOUS
    const token = randomUUID()
    const lifeSeconds = tokenSeconds === 'absent' ? 60 : tokenSeconds
    this.#grants.set(token, {
      scopes: new Set(isWorthless ? [] : asked),
      expiresAtMs: this.#clock.now() + lifeSeconds * 1000,
      user,
    })
    return jsonAnswer(200, {
      [tokenField]: token,
      ...(tokenSeconds === 'absent' ? {} : { expires_in: tokenSeconds }),
    })
  }

  /** Who asks, or the challenge. `scope` is undefined for the ping. */
  check(request: HubRequest, scope: string | undefined, realm: string): string | Answer {
    const { mode } = this.#options
    if (mode === 'none') return ANONYMOUS
    if (mode === 'basic') return this.#userOf(request) ?? unauthorized('Basic realm="Registry"')
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const grant = token === undefined ? undefined : this.#grants.get(token)
    const isValid = grant !== undefined && grant.expiresAtMs > this.#clock.now()
    if (isValid && (scope === undefined || grant.scopes.has(scope))) return grant.user
    const reason = isValid ? 'insufficient_scope' : 'invalid_token'
    const forScope = scope === undefined ? '' : `,scope="${scope}"`
    const error = token === undefined ? '' : `,error="${reason}"`
    return unauthorized(`Bearer realm="${realm}",service="registry.test"${forScope}${error}`)
  }

  #guestOf(request: HubRequest): string | undefined {
    return request.headers.authorization ? this.#userOf(request) : ANONYMOUS
  }

  #ownerOf(form: URLSearchParams): string | undefined {
    const isRefresh = form.get('grant_type') === 'refresh_token' && form.has('client_id')
    const token = form.get('refresh_token') ?? ''
    return isRefresh ? this.#options.identityTokens[token] : undefined
  }

  #userOf(request: HubRequest): string | undefined {
    const encoded = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const given = Buffer.from(encoded, 'base64').toString()
    const known = this.#options.credentials.find(
      ({ username, password }) => given === `${username}:${password}`,
    )
    return known?.username
  }
}

function unauthorized(challenge: string): Answer {
  return errorAnswer(401, 'UNAUTHORIZED', 'authentication required', {
    'www-authenticate': challenge,
  })
}
