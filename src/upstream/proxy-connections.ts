import { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import type { Proxy } from './proxies.ts'

/** What could not be had from a proxy, without its credentials. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'

  constructor({ url }: Proxy, what: string, options?: ErrorOptions) {
    super(`the proxy ${url.host} ${what}`, options)
  }
}

/** Connections to proxies. Nothing here resolves a host but the proxies' own. */
export class ProxyConnections implements AsyncDisposable {
  readonly #agent: Agent
  readonly #timeoutMs: number

  /**
   * The context says who vouches for an `https:` proxy; the timeout is for the way to a proxy, and
   * for its answer to CONNECT.
   */
  constructor(secureContext: SecureContext, timeoutMs: number, limits: Agent.Options) {
    this.#timeoutMs = timeoutMs
    this.#agent = new Agent({
      ...limits,
      connect: buildConnector({ secureContext, timeout: timeoutMs, allowH2: false }),
    })
  }

  /** A connection through the proxy to the host of an `https:` URL (RFC 9110, 9.3.6). */
  async tunnel(proxy: Proxy, { hostname, port }: URL): Promise<Socket> {
    const target = `${hostname}:${port || '443'}`
    let answer: Dispatcher.ConnectData
    try {
      answer = await this.#agent.connect({
        origin: proxy.url.origin,
        path: target,
        headers: { host: target, ...authorizationFor(proxy) },
        signal: AbortSignal.timeout(this.#timeoutMs),
      })
    } catch (cause) {
      throw unreachable(proxy, cause)
    }
    const { statusCode, socket } = answer
    const isOpen = statusCode >= 200 && statusCode < 300
    if (isOpen && socket instanceof Socket) return socket
    socket.on('error', () => undefined)
    socket.destroy()
    throw proxyRefusal(proxy, statusCode, target)
  }

  /** Sends a request for an `http:` URL to the proxy, which makes it (RFC 9112, 3.2.2). */
  forward(
    proxy: Proxy,
    url: URL,
    request: Pick<Dispatcher.DispatchOptions, 'method' | 'body'> & {
      headers: Record<string, string>
    },
    handler: Dispatcher.DispatchHandler,
  ): void {
    this.#agent.dispatch(
      {
        ...request,
        origin: proxy.url.origin,
        path: url.href,
        headers: { ...request.headers, host: url.host, ...authorizationFor(proxy) },
      },
      handler,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }
}

/** What it means that a proxy answers so instead of the host. */
export function proxyRefusal(proxy: Proxy, status: number, target: string): ProxyError {
  if (status !== 407) return new ProxyError(proxy, `answered ${status} instead of ${target}`)
  const what = proxy.authorization === undefined ? 'wants' : 'wants other'
  return new ProxyError(proxy, `${what} credentials (407)`)
}

function unreachable(proxy: Proxy, cause: unknown): ProxyError {
  const { name, code = name } = cause as NodeJS.ErrnoException
  const what = name === 'TimeoutError' ? 'did not answer in time' : `cannot be reached (${code})`
  return new ProxyError(proxy, what, { cause })
}

function authorizationFor({ authorization }: Proxy): Record<string, string> {
  return authorization === undefined ? {} : { 'proxy-authorization': authorization }
}
