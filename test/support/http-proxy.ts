import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { KeyPair } from './certificates.ts'

export interface HttpProxyOptions {
  /** `user:password`; without, everybody may pass. */
  credentials?: string
  /** Status of the answers to CONNECT; `never` does not answer. */
  refuses?: number | 'never'
  /** With it, it is asked over TLS, and is `localhost`. */
  tls?: KeyPair
}

/**
 * An HTTP proxy on loopback. Every host that it is asked for is at 127.0.0.1, so that names that
 * nothing else resolves show who resolves them.
 */
export class HttpProxy implements AsyncDisposable {
  /** `CONNECT host:port`, and `GET http://…`, in the order of arrival. */
  readonly asked: string[] = []
  readonly #options: HttpProxyOptions
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()

  private constructor(options: HttpProxyOptions) {
    this.#options = options
    this.#server = options.tls ? createTlsServer(options.tls) : createServer()
  }

  static async start(options: HttpProxyOptions = {}): Promise<HttpProxy> {
    const proxy = new HttpProxy(options)
    const server = proxy.#server
    server.on('connection', (socket: Socket) => proxy.#hold(socket))
    server.on('connect', (asked: IncomingMessage, socket: Duplex, head: Buffer) =>
      proxy.#tunnel(asked, socket, head),
    )
    server.on('request', (asked: IncomingMessage, answer: ServerResponse) => {
      const { method, url = '', headers } = asked
      proxy.asked.push(`${method} ${url}`)
      if (!proxy.#isKnown(asked)) {
        answer.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end()
        return
      }
      const { host, port, pathname, search } = new URL(url)
      const own = { ...headers, host }
      delete own['proxy-authorization']
      const onward = request(
        { host: '127.0.0.1', port, method, path: pathname + search, headers: own },
        (answered) => {
          answer.writeHead(answered.statusCode ?? 502, answered.headers)
          answered.pipe(answer)
        },
      )
      onward.on('error', () => answer.writeHead(502).end())
      asked.pipe(onward)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get url(): URL {
    const { port } = this.#server.address() as AddressInfo
    return new URL(this.#options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #isKnown({ headers }: IncomingMessage): boolean {
    const { credentials } = this.#options
    if (credentials === undefined) return true
    const expected = `Basic ${Buffer.from(credentials).toString('base64')}`
    return headers['proxy-authorization'] === expected
  }

  #tunnel(asked: IncomingMessage, client: Duplex, head: Buffer): void {
    this.asked.push(`CONNECT ${asked.url}`)
    const status = this.#isKnown(asked) ? (this.#options.refuses ?? 200) : 407
    if (status === 'never') return
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    const server = connect(Number(new URL(`http://${asked.url}`).port), '127.0.0.1')
    this.#hold(server)
    let isOpen = false
    server.on('connect', () => {
      isOpen = true
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      server.write(head)
      client.pipe(server).pipe(client)
    })
    server.on('close', () => {
      if (isOpen) client.destroy()
      else client.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n')
    })
    client.on('close', () => server.destroy())
  }

  #hold(socket: Socket | Duplex): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
