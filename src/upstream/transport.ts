import { setImmediate } from 'node:timers/promises'
import { Agent } from 'undici'
import { AddressGuard } from './address-guard.ts'
import { secureContexts, type TlsOptions, upstreamConnector } from './connector.ts'
import {
  Exchange,
  proxyFailure,
  refusalOf,
  type TransportRequest,
  type TransportResponse,
} from './exchange.ts'
import { NO_PROXIES, Proxies, type Proxy, type ProxyOptions } from './proxies.ts'
import { ProxyConnections, proxyRefusal } from './proxy-connections.ts'
import type { UpstreamEvents } from './upstream-events.ts'

export interface TransportOptions {
  /** The upstream's name, for errors and events. */
  upstream: string
  /** Where it is: from a public address none of its answers may lead to a private one. */
  url: URL
  userAgent: string
  /** Where left out the certificates of the system are believed, and none is shown. */
  tls?: TlsOptions
  /** Hosts that its answers may lead to though they are at private addresses. */
  privateHosts?: readonly string[]
  /** Where left out everything is asked directly. */
  proxies?: ProxyOptions
  events?: UpstreamEvents
  connectTimeoutMs?: number
  /** From the request to the headers of the answer. */
  headersTimeoutMs?: number
  /** Without a byte of the body, while somebody wants to read it. */
  progressTimeoutMs?: number
}

/**
 * Requests to one upstream and to where it leads, over connections that are kept and used again.
 * It follows no redirects, decodes nothing and repeats nothing; an answer is an answer, whatever
 * its status. Without one it throws UpstreamError `unreachable` or `timeout`;
 * `refused` where a private address is not for this upstream to name.
 */
export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions
  readonly #agent: Agent
  readonly #guard: AddressGuard
  readonly #proxies: Proxies
  readonly #proxyConnections: ProxyConnections

  constructor(options: TransportOptions) {
    this.#options = options
    const { url, tls = { verification: 'full' }, connectTimeoutMs: timeoutMs = 10_000 } = options
    this.#guard = new AddressGuard(url, options.privateHosts ?? [])
    this.#proxies = new Proxies(options.proxies ?? NO_PROXIES)
    const limits = {
      headersTimeout: options.headersTimeoutMs ?? 20_000,
      bodyTimeout: options.progressTimeoutMs ?? 30_000,
      keepAliveTimeout: 30_000,
      // One connection for each blob: they neither share a window nor stall each other.
      allowH2: false,
    }
    const contexts = secureContexts(tls)
    this.#proxyConnections = new ProxyConnections(contexts.elsewhere, timeoutMs, limits)
    this.#agent = new Agent({
      ...limits,
      connect: upstreamConnector({
        url,
        contexts,
        verification: tls.verification,
        lookup: this.#guard.lookup,
        timeoutMs,
        proxies: this.#proxies,
        proxyConnections: this.#proxyConnections,
      }),
    })
  }

  /** What the upstream itself is asked through. */
  get proxy(): Proxy | undefined {
    return this.#proxies.for(this.#options.url)
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const { upstream, userAgent, events } = this.#options
    const { url, method, body, signal } = request
    const refused = this.#guard.refusalOf(url)
    if (refused) throw refusalOf(upstream, refused)
    // undici frees a connection one turn after its answer: wait that long, or a request straight
    // after another would open a new one.
    await setImmediate()
    signal.throwIfAborted()
    const headers = { ...request.headers, 'user-agent': userAgent }
    const question = { method, headers, ...(body === undefined ? {} : { body }) }
    // Through a proxy, https goes in a tunnel, which the connector makes.
    const proxy = url.protocol === 'http:' ? this.#proxies.for(url) : undefined
    const exchange = new Exchange(request, { upstream, proxy, events })
    if (proxy) {
      this.#proxyConnections.forward(proxy, url, question, exchange)
    } else {
      const { origin, pathname, search } = url
      this.#agent.dispatch({ ...question, origin, path: pathname + search }, exchange)
    }
    const response = await exchange.response
    if (!proxy || response.status !== 407) return response
    await response.body[Symbol.asyncDispose]()
    throw proxyFailure(upstream, proxyRefusal(proxy, 407, url.host))
  }

  /** Ends every request that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#proxyConnections[Symbol.asyncDispose]()])
  }
}
