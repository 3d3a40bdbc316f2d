import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type Koa from 'koa'
import type { HttpState } from './exchange.ts'

export interface ListenOptions {
  host: string
  /** 0 takes a free one. */
  port: number
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

/** Listens, or rejects with the system's error, for example EADDRINUSE. */
export async function listen(
  app: Koa<HttpState>,
  { host, port }: ListenOptions,
): Promise<HttpServer> {
  const handle = app.callback()
  const server = createServer(BOUNDS, (request, response) => void handle(request, response))
  server.listen({ host, port })
  await once(server, 'listening')
  // A connection that cannot be taken in must not end the daemon.
  server.on('error', (error) => app.emit('error', error))
  return new HttpServer(server)
}

/** Disposing ends it at once, with the answers that are on their way. */
export class HttpServer implements AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly #server: Server
  #closed: Promise<unknown> | undefined

  constructor(server: Server) {
    const { address, port } = server.address() as AddressInfo
    this.host = address
    this.port = port
    this.#server = server
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
    return this.#closed
  }
}
