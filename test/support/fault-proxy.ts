import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

const SLOW_DOWN = errorAnswer('503 Slow Down', 'SlowDown')
/** S3 may begin its answer before it knows how it ends: API reference, CompleteMultipartUpload. */
const LATE_ERROR = errorAnswer('200 OK', 'InternalError')
const NO_SUCH_UPLOAD = errorAnswer('404 Not Found', 'NoSuchUpload')

/** What becomes of all that the server sends. */
type Trouble = 'none' | 'reset' | 'stall' | 'late'

/**
 * What becomes of one request: 503 SlowDown, an answer that is reset, or none, or 200 and then an
 * error, or 404 NoSuchUpload. S3 does what it says unless it is busy or knows of no upload.
 */
export type Mishap = 'busy' | 'reset' | 'stall' | 'late-error' | 'unknown'

const LATE_MS = 5
interface Mishaps {
  /** One after the other. */
  kinds: Mishap[]
  /** Those that may meet with it. */
  which: RegExp
  /** Of these so many do not, at first. */
  after: number
}

/** A TCP proxy in front of an HTTP server, on which things go wrong when they are told to. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cut: { afterBytes: number; how: 'reset' | 'stall' } | undefined
  #trouble: Trouble = 'none'
  #mishaps: Mishaps | undefined
  /** What came while it was stalled. */
  readonly #stalled: (() => void)[] = []
  #stall: { which: RegExp; after: number; reached: () => void } | undefined
  /** How often something went wrong. */
  faults = 0
  /** How many clients have come. */
  connections = 0
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
    this.#cut = { afterBytes: bytes, how: 'reset' }
  }

  /** On the connection on which so many bytes have come from the server nothing more comes, once. */
  stallAfter(bytes: number): void {
    this.#cut = { afterBytes: bytes, how: 'stall' }
  }

  /** So many requests are answered with 503 SlowDown. */
  slowDown(requests: number): void {
    this.mishaps(Array<Mishap>(requests).fill('busy'), /^/)
  }

  /** After so many more of these requests one meets with a mishap. */
  mishap(kind: Mishap, which: RegExp, after: number): void {
    this.#mishaps = { kinds: [kind], which, after }
  }

  /** The next of these requests meet with these mishaps, one each. */
  mishaps(kinds: readonly Mishap[], which: RegExp): void {
    this.#mishaps = { kinds: [...kinds], which, after: 0 }
  }

  /** Of these requests so many more are passed on, and then none; resolves when one is held back. */
  stall(which: RegExp, after: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stall = { which, after, reached: resolve }
    return promise
  }

  /** Requests are passed on again; those that were held back are lost. */
  goOn(): void {
    this.#stall = undefined
  }

  /**
   * From now on connections are reset when the server begins to answer, or nothing comes from it
   * any more, or all of it a little late; `none` ends that.
   */
  trouble(kind: Trouble): void {
    this.#trouble = kind
    if (kind !== 'stall') for (const goOn of this.#stalled.splice(0)) goOn()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #join(client: Socket, target: URL): void {
    this.connections++
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
    let mishap: Mishap | undefined
    client.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1')
      const isRequest = /^[A-Z]+ \//.test(text)
      if (isRequest) this.requests.push(text)
      if (isRequest && this.#stall?.which.test(text)) {
        isHeld = this.#stall.after-- <= 0
        if (isHeld) this.#stall.reached()
      }
      if (isHeld) return
      if (isRequest) mishap = this.#mishapOf(text)
      if (mishap === 'busy' || mishap === 'unknown') {
        client.end(mishap === 'busy' ? SLOW_DOWN : NO_SUCH_UPLOAD)
        return
      }
      if (!server.write(chunk)) client.pause()
    })
    server.on('drain', () => client.resume())
    server.on('data', (chunk: Buffer) => {
      if (mishap === 'reset') client.resetAndDestroy()
      if (mishap === 'late-error') client.end(LATE_ERROR)
      if (mishap) return
      const cut = this.#cut
      if (cut && (cut.afterBytes -= chunk.length) <= 0) {
        this.#cut = undefined
        this.faults++
        if (cut.how === 'reset') client.resetAndDestroy()
        else server.pause()
        return
      }
      this.#pass(chunk, client, server)
    })
    client.on('drain', () => server.resume())
  }

  #mishapOf(request: string): Mishap | undefined {
    const mishaps = this.#mishaps
    if (!mishaps || mishaps.kinds.length === 0 || !mishaps.which.test(request)) return undefined
    if (mishaps.after-- > 0) return undefined
    this.faults++
    return mishaps.kinds.shift()
  }

  #pass(chunk: Buffer, client: Socket, server: Socket): void {
    if (this.#trouble === 'reset') {
      client.resetAndDestroy()
      return
    }
    const write = () => client.write(chunk)
    const goOn = () => {
      write()
      server.resume()
    }
    if (this.#trouble === 'none') {
      if (!write()) server.pause()
      return
    }
    server.pause()
    if (this.#trouble === 'stall') this.#stalled.push(goOn)
    else setTimeout(goOn, LATE_MS)
  }
}

function errorAnswer(status: string, code: string): string {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>?</Message></Error>`
  const headers = `Content-Type: application/xml\r\nConnection: close\r\nContent-Length: ${body.length}`
  return `HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`
}
