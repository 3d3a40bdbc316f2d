import type { Repository } from '../oci/reference.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { errorOfAnswer } from './answer-error.ts'
import type { Budget } from './budget.ts'
import type { CredentialProvider } from './credentials.ts'
import type { Latency } from './latency.ts'
import { requestFollowing, type FollowedResponse } from './redirects.ts'
import { type Authentication, TokenAuth, type Grant } from './token-auth.ts'
import type { Transport } from './transport.ts'

export interface RegistryEndpointOptions {
  upstream: string
  url: URL
  /** Of this registry; its owner disposes it, and the transport. */
  credentials: CredentialProvider
  /** Hosts of other domains whose token servers may have the credentials. */
  realms: readonly string[]
  transport: Transport
  clock: Clock
  budget: Budget
  /** Of answers that came from where we asked. */
  latency: Latency
  events?: Pick<Events, 'credentialsJudged'>
}

export interface RegistryRequest {
  kind: 'manifest' | 'blob' | 'tags' | 'referrers' | 'version'
  method: 'GET' | 'HEAD'
  /** Where `undefined`, the version check is asked (distribution-spec, end-1). */
  repository: Repository | undefined
  /** What stands behind the repository, with its query. */
  path: string
  headers: Record<string, string>
  /** The statuses that are an answer; 404 is absence where it is not one of them, all others an error. */
  wanted: readonly number[]
  signal: AbortSignal
}

/** What is known of a registry since it was last asked. */
export interface Acquaintance {
  /** `undefined` before it was asked. */
  isAnswering: boolean | undefined
  /** `undefined` before it has answered. */
  authentication: Authentication | undefined
  /** Whether our credentials were taken for wrong when they were shown last. */
  isRefused: boolean
}

/** First without, then with an old token, then with a new one. */
const MAX_ATTEMPTS = 3

/** One registry's `/v2` with what every request needs: authorization, redirects, budget, errors. */
export class RegistryEndpoint {
  readonly #options: RegistryEndpointOptions
  readonly #base: string
  readonly #auth: TokenAuth
  #isAnswering: boolean | undefined

  constructor(options: RegistryEndpointOptions) {
    this.#options = options
    this.#base = options.url.href.replace(/\/*$/, '/v2/')
    this.#auth = new TokenAuth(options)
  }

  get acquaintance(): Acquaintance {
    const isAnswering = this.#isAnswering
    const unasked = isAnswering ? ({ kind: 'none' } as const) : undefined
    const { authentication = unasked, isRefused } = this.#auth
    return { isAnswering, authentication, isRefused }
  }

  /** Whether we have no credentials for it. Throws UpstreamError. */
  isAnonymous(signal: AbortSignal): Promise<boolean> {
    return this.#auth.isAnonymous(signal)
  }

  /** `undefined` is a 404. The caller disposes the body. Throws UpstreamError. */
  async ask(request: RegistryRequest): Promise<FollowedResponse | undefined> {
    const { upstream, clock } = this.#options
    const response = await this.#askAuthorized(request)
    if (request.wanted.includes(response.status)) return response
    // Blobs are redirected to storage, which lacks what the registry has; all else to a registry.
    if (response.status === 404 && !(response.isRedirected && request.kind === 'blob')) {
      await response.body[Symbol.asyncDispose]()
      return undefined
    }
    const error = await errorOfAnswer(upstream, response, clock.now())
    request.signal.throwIfAborted()
    throw error
  }

  async #askAuthorized(request: RegistryRequest): Promise<FollowedResponse> {
    const { repository, signal } = request
    let grant = await this.#auth.grant(repository, signal)
    for (let attempt = 1; ; attempt++) {
      const response = await this.#send(request, grant)
      if (!response.isRedirected) this.#auth.answered(grant, response.status)
      if (response.status !== 401 || response.isRedirected || attempt === MAX_ATTEMPTS) {
        return response
      }
      const challenge = response.headers['www-authenticate'] ?? ''
      try {
        grant = await this.#auth.renew(repository, challenge, grant, signal)
      } catch (error) {
        await response.body[Symbol.asyncDispose]()
        throw error
      }
      if (!grant) return response
      await response.body[Symbol.asyncDispose]()
    }
  }

  async #send(request: RegistryRequest, grant: Grant | undefined): Promise<FollowedResponse> {
    const { upstream, transport, credentials, budget, latency, clock } = this.#options
    const { kind, method, repository, path, headers, signal } = request
    const startedAtMs = clock.now()
    const response = await this.#noting(
      requestFollowing(transport, upstream, {
        kind,
        method,
        url: new URL(repository === undefined ? this.#base : `${this.#base}${repository}/${path}`),
        headers: grant ? { ...headers, authorization: grant.authorization } : headers,
        signal,
      }),
    )
    if (!response.isRedirected) {
      latency.add(clock.now() - startedAtMs)
      budget.observe(credentials.label, response.headers)
    }
    return response
  }

  async #noting<T>(answer: Promise<T>): Promise<T> {
    try {
      const response = await answer
      this.#isAnswering = true
      return response
    } catch (error) {
      if (error instanceof UpstreamError) this.#isAnswering = false
      throw error
    }
  }
}
