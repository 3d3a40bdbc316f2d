import { systemClock, type Clock } from '../../../src/util/clock.ts'
import type { TestImage } from '../images.ts'
import type { Answer, HubRequest } from './answer.ts'
import { FaultRule, type Fault, type FaultMatch } from './faults.ts'
import { ANONYMOUS, HubAuth, type AuthMode, type HubAuthOptions } from './hub-auth.ts'
import { HubCdn } from './hub-cdn.ts'
import { HubContent } from './hub-content.ts'
import { HubRegistry } from './hub-registry.ts'
import { HubServer } from './hub-server.ts'
import { RateLimit, type RateLimitOptions } from './rate-limit.ts'
import {
  RequestLog,
  type RecordedRequest,
  type RequestFilter,
  type ServerName,
} from './request-log.ts'

export interface FakeHubOptions {
  /** bearer where left out. */
  auth?: AuthMode
  credentials?: HubAuthOptions['credentials']
  identityTokens?: HubAuthOptions['identityTokens']
  /** 300 where left out, as at Docker Hub. */
  tokenSeconds?: HubAuthOptions['tokenSeconds']
  tokenField?: HubAuthOptions['tokenField']
  /** What the challenges name as realm; the hub's own token server where left out. */
  realm?: string
  /** redirect: 307 to the CDN, as Docker Hub does. direct: the registry sends them itself. */
  blobs?: 'redirect' | 'direct'
  /** How long a redirect may be followed: 1 min where left out. */
  linkLifetimeMs?: number
  /** No limit and no headers of it where left out. */
  rateLimit?: RateLimitOptions
  /** What tokens, links and the rate limit go by; faults take real time. */
  clock?: Clock
  /** All where left out; `missing`: a registry from before the referrers API. */
  referrersPerPage?: number | 'missing'
  /** Before every answer. */
  latencyMs?: number
  /** Of every body. */
  bytesPerSecond?: number
  /** What its servers call themselves; 127.0.0.1 where left out. */
  host?: string
  /** Free ones where left out. */
  ports?: Partial<Record<ServerName, number>>
}

/** Docker Hub on loopback: registry, token server and CDN, each on its own port. */
export class FakeHub implements AsyncDisposable {
  readonly #log = new RequestLog()
  readonly #rules = new Set<FaultRule>()
  readonly #content = new HubContent()
  readonly #auth: HubAuth
  readonly #rateLimit: RateLimit | undefined
  readonly #servers: Record<ServerName, HubServer>
  readonly #options: FakeHubOptions

  constructor(options: FakeHubOptions) {
    this.#options = options
    const { clock = systemClock, rateLimit, linkLifetimeMs = 60_000 } = options
    this.#auth = new HubAuth(
      {
        mode: options.auth ?? 'bearer',
        credentials: options.credentials ?? [],
        identityTokens: options.identityTokens ?? {},
        tokenSeconds: options.tokenSeconds ?? 300,
        tokenField: options.tokenField ?? 'token',
      },
      clock,
    )
    this.#rateLimit = rateLimit && new RateLimit(rateLimit, clock)
    const cdn = new HubCdn(this.#content, clock, linkLifetimeMs)
    const registry = new HubRegistry({
      content: this.#content,
      auth: this.#auth,
      rateLimit: this.#rateLimit,
      realm: () => options.realm ?? `${this.tokenUrl}/token`,
      blobUrl: (digest) =>
        options.blobs === 'direct' ? undefined : this.cdnUrl + cdn.link(digest),
      referrersPerPage: options.referrersPerPage ?? Infinity,
    })
    this.#servers = {
      registry: this.#serverOf('registry', (request) => registry.answer(request)),
      token: this.#serverOf('token', (request) => this.#auth.issue(request)),
      cdn: this.#serverOf('cdn', (request) => cdn.answer(request)),
    }
  }

  get url(): string {
    return this.#servers.registry.url
  }

  get tokenUrl(): string {
    return this.#servers.token.url
  }

  get cdnUrl(): string {
    return this.#servers.cdn.url
  }

  /** Everything that was asked so far, in the order of arrival; faulty answers too. */
  get requests(): readonly RecordedRequest[] {
    return this.#log.requests
  }

  add(repository: string, tag: string, image: TestImage): void {
    this.#content.add(repository, tag, image)
  }

  /** Puts it there without a tag. */
  addUntagged(repository: string, image: TestImage): void {
    this.#content.add(repository, undefined, image)
  }

  untag(repository: string, tag: string): void {
    this.#content.untag(repository, tag)
  }

  /** How many requests were like this. */
  count(filter: RequestFilter = {}): number {
    return this.#log.matching(filter).length
  }

  matching(filter: RequestFilter): RecordedRequest[] {
    return this.#log.matching(filter)
  }

  /** Bytes of the bodies that were sent to requests like this. */
  bytesSent(filter: RequestFilter = {}): number {
    return this.#log.bytesSent(filter)
  }

  forgetRequests(): void {
    this.#log.requests.length = 0
  }

  /** Puts a fault in force; several that match a request all apply. */
  fault(match: FaultMatch, fault: Fault): FaultRule {
    const rule = new FaultRule(match, fault)
    this.#rules.add(rule)
    return rule
  }

  clearFaults(): void {
    for (const rule of this.#rules) rule.remove()
    this.#rules.clear()
  }

  /** Cuts all connections and refuses new ones; all servers where none is named. */
  async goDown(...names: ServerName[]): Promise<void> {
    await Promise.all(this.#named(names).map((server) => server.down()))
  }

  /** Ends the outage, on the same ports. */
  async comeBack(...names: ServerName[]): Promise<void> {
    await Promise.all(this.#named(names).map((server) => server.up()))
  }

  revokeTokens(): void {
    this.#auth.revokeAll()
  }

  /** Uses up the rate limit of a user, or of those without a name. */
  exhaustRateLimit(user: string = ANONYMOUS): void {
    this.#rateLimit?.exhaust(user)
  }

  async start(): Promise<void> {
    const { ports = {} } = this.#options
    for (const name of ['registry', 'token', 'cdn'] as const) {
      await this.#servers[name].up(ports[name])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.clearFaults()
    await this.goDown()
  }

  #serverOf(name: ServerName, handler: (request: HubRequest) => Answer): HubServer {
    const { latencyMs = 0, bytesPerSecond, host = '127.0.0.1' } = this.#options
    return new HubServer({
      name,
      host,
      log: this.#log,
      rules: this.#rules,
      handler,
      latencyMs,
      bytesPerSecond,
    })
  }

  #named(names: ServerName[]): HubServer[] {
    if (names.length === 0) return Object.values(this.#servers)
    return names.map((name) => this.#servers[name])
  }
}

export async function startFakeHub(options: FakeHubOptions = {}): Promise<FakeHub> {
  const hub = new FakeHub(options)
  await hub.start()
  return hub
}
