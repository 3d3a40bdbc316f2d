import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type Koa from 'koa'
import type { HttpState } from './exchange.ts'
import { createTlsServer, type KeyPair, type TlsOptions, type TlsServer } from './tls-server.ts'

export interface ListenOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** Plain HTTP where left out. */
  tls?: TlsOptions | undefined
}

/**
 * Bounds what a connection may cost before its request is there; answers may take any time, and
 * so may what is pushed as long as it comes.
 */
const BOUNDS = {
  headersTimeout: 20_000,
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
}

/** Listens, or rejects with the system's error, for example EADDRINUSE, or that the key pair is none. */
export async function listen(
  app: Koa<HttpState>,
  { host, port, tls }: ListenOptions,
): Promise<HttpServer> {
  const handle = app.callback()
  const serve = (request: IncomingMessage, response: ServerResponse) =>
    void handle(request, response)
  const secured = tls && createTlsServer(BOUNDS, tls, serve)
  const server = secured?.server ?? createServer(BOUNDS, serve)
  server.listen({ host, port })
  await once(server, 'listening')
  // A connection that cannot be taken in must not end the daemon.
  server.on('error', (error) => app.emit('error', error))
  return new HttpServer(server, secured)
}

/** Disposing ends it at once, with the answers that are on their way. */
export class HttpServer implements AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly #server: Server | SecureServer
  readonly #secured: TlsServer | undefined
  #closed: Promise<unknown> | undefined

  constructor(server: Server | SecureServer, secured: TlsServer | undefined) {
    const { address, port } = server.address() as AddressInfo
    this.host = address
    this.port = port
    this.#server = server
    this.#secured = secured
  }

  /** For new connections; those that there are go on. Throws where it is none, and all stays as it was. */
  useCertificate(pair: KeyPair): void {
    if (!this.#secured) throw new TypeError('the server has no TLS')
    this.#secured.use(pair)
  }

  /** Takes no more connections and waits until the answers on their way have ended, or `deadline` is aborted. */
  async drain(deadline: AbortSignal): Promise<void> {
    const end = () => this.#server.closeAllConnections()
    if (deadline.aborted) end()
    deadline.addEventListener('abort', end)
    try {
      await this.#close()
    } finally {
      deadline.removeEventListener('abort', end)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#close()
    this.#server.closeAllConnections()
    await closed
  }

  #close(): Promise<unknown> {
    if (this.#closed) return this.#closed
    this.#closed = once(this.#server, 'close')
    // A connection whose answer ends from now on is idle, and idle ones are to go at once.
    this.#server.keepAliveTimeout = 1
    this.#server.keepAliveTimeoutBuffer = 0
    this.#server.close()
    this.#secured?.hangUp()
    return this.#closed
  }
}
