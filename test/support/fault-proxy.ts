import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

const SLOW_DOWN =
  '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>'

/** A TCP proxy in front of an HTTP server, on which things go wrong when they are told to. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cutAfterBytes: number | undefined
  #slowDowns = 0
  #stall: { method: string; after: number; reached: () => void } | undefined
  /** How often something went wrong. */
  faults = 0
  /** What began the requests that have come: their headers, at least. */
  readonly requests: string[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(target: URL): Promise<FaultProxy> {
    const server = createServer()
    const proxy = new FaultProxy(server)
    server.on('connection', (client) => proxy.#join(client, target))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`)
  }

  /** The connection on which so many bytes have come from the server is reset, once. */
  cutAfter(bytes: number): void {
    this.#cutAfterBytes = bytes
  }

  /** So many requests are answered with 503 SlowDown. */
  slowDown(requests: number): void {
    this.#slowDowns = requests
  }

  /** After so many more requests with the method no other is passed on; resolves at the first. */
  stall(method: string, after: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stall = { method, after, reached: resolve }
    return promise
  }

  /** Requests are passed on again; those that were held back are lost. */
  goOn(): void {
    this.#stall = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #join(client: Socket, target: URL): void {
    const server = connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    let isHeld = false
    client.on('data', (chunk: Buffer) => {
      const isRequest = /^[A-Z]+ \//.test(chunk.toString('latin1', 0, 16))
      if (isRequest) this.requests.push(chunk.toString('latin1'))
      if (
        isRequest &&
        this.#stall &&
        chunk.toString('latin1', 0, 16).startsWith(this.#stall.method)
      ) {
        isHeld = this.#stall.after-- <= 0
        if (isHeld) this.#stall.reached()
      }
      if (isHeld) return
      if (isRequest && this.#slowDowns > 0) {
        this.#slowDowns--
        this.faults++
        client.end(
          `HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: ${SLOW_DOWN.length}\r\n\r\n${SLOW_DOWN}`,
        )
        return
      }
      if (!server.write(chunk)) client.pause()
    })
    server.on('drain', () => client.resume())
    server.on('data', (chunk: Buffer) => {
      if (this.#cutAfterBytes !== undefined) {
        this.#cutAfterBytes -= chunk.length
        if (this.#cutAfterBytes <= 0) {
          this.#cutAfterBytes = undefined
          this.faults++
          client.resetAndDestroy()
          return
        }
      }
      if (!client.write(chunk)) server.pause()
    })
    client.on('drain', () => server.resume())
  }
}
