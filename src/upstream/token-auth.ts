import { LRUCache } from 'lru-cache'
import { parseChallenges } from '../oci/challenge.ts'
import type { Repository } from '../oci/reference.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { SingleFlight } from '../util/single-flight.ts'
import {
  type CredentialProvider,
  type Credentials,
  CredentialsError,
  type PasswordCredentials,
} from './credentials.ts'
import { isRealmAllowed } from './realm.ts'
import { basicAuthorization, fetchToken, type Token, type TokenRequest } from './token-server.ts'
import type { Transport } from './transport.ts'

export interface TokenAuthOptions {
  upstream: string
  url: URL
  credentials: CredentialProvider
  /** Hosts of other domains whose token servers may have the credentials. */
  realms: readonly string[]
  transport: Transport
  clock: Clock
  events?: Pick<Events, 'credentialsJudged'>
}

/** How an upstream wants to be asked, and where tokens come from. */
export type Authentication = { kind: 'none' } | { kind: 'basic' } | { kind: 'bearer'; realm: URL }

/** What goes into `Authorization`. */
export interface Grant {
  authorization: string
  /** True where asking again would give no better one with the same credentials. */
  isFresh: boolean
  /** The credentials that it is; `undefined` of a token. */
  basic: PasswordCredentials | undefined
}

/** How an upstream wants to be asked, as its last challenge told. */
type Scheme =
  | { kind: 'basic' }
  | { kind: 'bearer'; realm: URL; service: string | undefined; fixedScope: string | undefined }

const MAX_TOKENS = 10_000

/** A token is not used any more when less than this is left of it, or a tenth of its life. */
const MAX_MARGIN_MS = 10_000

/**
 * Authorization towards one upstream: Basic, or Bearer tokens, which are kept until shortly
 * before they expire and fetched once however many ask. After the first challenge of the
 * upstream, other repositories are not asked for theirs.
 */
export class TokenAuth {
  readonly #options: TokenAuthOptions
  readonly #tokens = new LRUCache<string, { value: string; goodUntilMs: number }>({
    max: MAX_TOKENS,
  })
  readonly #flights = new SingleFlight<string>()
  #scheme: Scheme | undefined
  #isRefused = false

  constructor(options: TokenAuthOptions) {
    this.#options = options
  }

  /** As its last challenge told; `undefined` before it has challenged. */
  get authentication(): Authentication | undefined {
    const scheme = this.#scheme
    return scheme?.kind === 'bearer' ? { kind: 'bearer', realm: scheme.realm } : scheme
  }

  /**
   * Whether our credentials were taken for wrong when they were shown last. A 403 is not that: some
   * token servers give it for a repository that nobody may pull.
   */
  get isRefused(): boolean {
    return this.#isRefused
  }

  /** What the upstream has answered to a grant, which may be the credentials themselves. */
  answered(grant: Grant | undefined, status: number): void {
    if (grant?.basic) this.#judge(status === 401)
  }

  /** Whether there are no credentials. Throws UpstreamError where that cannot be known. */
  async isAnonymous(signal: AbortSignal): Promise<boolean> {
    return (await this.#had(this.#options.credentials.get(signal))) === undefined
  }

  /**
   * What to send with a request for the repository, or for none; `undefined` where nothing is
   * known to be needed. Throws UpstreamError where a token is needed and cannot be had.
   */
  async grant(repository: Repository | undefined, signal: AbortSignal): Promise<Grant | undefined> {
    const scheme = this.#scheme
    if (!scheme) return undefined
    if (scheme.kind === 'basic') {
      return basicGrant(await this.#had(this.#options.credentials.get(signal)))
    }
    const { realm, service } = scheme
    const ownScope = repository === undefined ? undefined : `repository:${repository}:pull`
    const scope = scheme.fixedScope ?? ownScope
    const key = JSON.stringify([realm.href, service, scope])
    const known = this.#tokens.get(key)
    if (known && this.#options.clock.now() < known.goodUntilMs) {
      return { authorization: `Bearer ${known.value}`, isFresh: false, basic: undefined }
    }
    const { value } = await this.#flights.run(key, signal, async () => {
      const askedAtMs = this.#options.clock.now()
      const token = await this.#fetchToken({ realm, service, scope })
      const goodMs = token.lifeMs - Math.min(MAX_MARGIN_MS, token.lifeMs / 10)
      this.#tokens.set(key, { value: token.value, goodUntilMs: askedAtMs + goodMs })
      return token.value
    })
    return { authorization: `Bearer ${value}`, isFresh: true, basic: undefined }
  }

  /**
   * What to send after a 401 to `refused`; `undefined` where that was the best there is. Throws
   * UpstreamError `refused` where the challenge names a realm that may not have our credentials.
   */
  async renew(
    repository: Repository | undefined,
    challenge: string,
    refused: Grant | undefined,
    signal: AbortSignal,
  ): Promise<Grant | undefined> {
    const scheme = this.#schemeOf(challenge)
    if (!scheme) return undefined
    const isNew = JSON.stringify(scheme) !== JSON.stringify(this.#scheme)
    if (refused?.isFresh && !isNew) {
      if (!refused.basic) return undefined
      const renewed = this.#options.credentials.renew(refused.basic, signal)
      return basicGrant(await this.#had(renewed))
    }
    this.#scheme = scheme
    if (refused) this.#forget(refused)
    return this.grant(repository, signal)
  }

  /** Many wait for one token, so none of them may end it. */
  async #fetchToken(request: Omit<TokenRequest, 'credentials'>): Promise<Token> {
    const provider = this.#options.credentials
    const { signal } = new AbortController()
    const credentials = await this.#had(provider.get(signal))
    try {
      return await this.#ask({ ...request, credentials })
    } catch (error) {
      const isDenied = error instanceof UpstreamError && error.kind === 'denied'
      if (!isDenied || !credentials) throw error
      const renewed = await this.#had(provider.renew(credentials, signal))
      if (!renewed) throw error
      return await this.#ask({ ...request, credentials: renewed })
    }
  }

  async #ask(request: TokenRequest): Promise<Token> {
    try {
      const token = await fetchToken(request, this.#options)
      if (request.credentials) this.#judge(false)
      return token
    } catch (error) {
      const isUnknown = error instanceof UpstreamError && error.status === 401
      if (isUnknown && request.credentials) this.#judge(true)
      throw error
    }
  }

  #judge(isRefused: boolean): void {
    if (isRefused === this.#isRefused) return
    this.#isRefused = isRefused
    const { upstream, url, credentials, events } = this.#options
    const who = { upstream, endpoint: url.host, credential: credentials.label }
    events?.credentialsJudged({ ...who, isRefused })
  }

  async #had<T>(credentials: Promise<T>): Promise<T> {
    try {
      return await credentials
    } catch (cause) {
      if (!(cause instanceof CredentialsError)) throw cause
      const { upstream } = this.#options
      throw new UpstreamError(upstream, 'token', `${upstream}: ${cause.message}`, { cause })
    }
  }

  #forget({ authorization }: Grant): void {
    for (const [key, { value }] of this.#tokens) {
      if (authorization === `Bearer ${value}`) this.#tokens.delete(key)
    }
  }

  #schemeOf(header: string): Scheme | undefined {
    const { upstream, url, realms } = this.#options
    const challenges = parseChallenges(header)
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer) {
      const text = bearer.parameters.get('realm') ?? ''
      const realm = URL.parse(text, url.href)
      if (!realm || !isRealmAllowed(url, realm, realms)) {
        const message = `${upstream}: tokens are to come from ${realm?.host ?? 'nowhere'}, which is not of ${url.host} and not in realms`
        throw new UpstreamError(upstream, 'refused', message)
      }
      const scope = bearer.parameters.get('scope')
      const fixedScope = scope === undefined || scope.startsWith('repository:') ? undefined : scope
      return { kind: 'bearer', realm, service: bearer.parameters.get('service'), fixedScope }
    }
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic')
    return isBasic ? { kind: 'basic' } : undefined
  }
}

/** An identity token is nothing that Basic could send. */
function basicGrant(credentials: Credentials | undefined): Grant | undefined {
  if (!credentials || !('password' in credentials)) return undefined
  return { authorization: basicAuthorization(credentials), isFresh: true, basic: credentials }
}
