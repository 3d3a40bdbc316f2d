import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface S3ConnectionOptions {
  isTls: boolean
  host: string
  port: number
  /** Believed instead of those of Node.js where given. */
  ca: string[] | undefined
  /**
   * Where all connections receive, one after the other, so that it stays in the CPU's cache and
   * no memory has to be found for what arrives: it is copied at once to who reads.
   */
  landing: Buffer
  /** Called when it has ended, by whomever. */
  closed: () => void
}

interface Waiting {
  into: Uint8Array
  resolve: (count: number) => void
  reject: (cause: Error) => void
}

const KEEP_ALIVE_MS = 1_000
const NOTHING = Buffer.alloc(0)

/** The bytes of a connection, which come no faster than they are read. */
export class S3Connection {
  readonly #socket: Socket
  #waiting: Waiting | undefined
  /** What has come and nobody has read. */
  #ahead: Buffer = NOTHING
  #failure: Error | undefined

  constructor({ isTls, host, port, ca, landing, closed }: S3ConnectionOptions) {
    const options = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: {
        buffer: landing,
        callback: (count: number) => this.#arrived(landing.subarray(0, count)),
      },
    }
    this.#socket = isTls
      ? connectTls({ ...options, ...(isIP(host) === 0 && { servername: host }), ...(ca && { ca }) })
      : connectPlain(options)
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => {
      this.#fail(Object.assign(new Error('S3 closed the connection'), { code: 'ECONNRESET' }))
      closed()
    })
  }

  /** That it can be used again: it has not ended, and nothing came that was not asked for. */
  get isOpen(): boolean {
    return this.#failure === undefined && this.#ahead.length === 0
  }

  /** Has it learn of its end though nobody reads. */
  watch(): void {
    this.#socket.resume()
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Waits for bytes; rejects with what ended the connection once they are used up. One at a time. */
  read(into: Uint8Array): Promise<number> {
    if (this.#ahead.length > 0) {
      const count = copy(this.#ahead, into)
      this.#ahead = this.#ahead.subarray(count)
      return Promise.resolve(count)
    }
    if (this.#failure) return Promise.reject(this.#failure)
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#waiting = { into, resolve, reject }
    this.#socket.resume()
    return promise
  }

  /** Puts back what was read too much, to be read next. */
  unread(bytes: Buffer): void {
    this.#ahead = this.#ahead.length === 0 ? bytes : Buffer.concat([bytes, this.#ahead])
  }

  /** Ends the connection when work on it takes longer. */
  async within<T>(ms: number, work: Promise<T>): Promise<T> {
    const late = () => {
      const error = new Error(`nothing has come from S3 for ${ms} ms`)
      this.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
    }
    const timer = setTimeout(late, ms)
    try {
      return await work
    } finally {
      clearTimeout(timer)
    }
  }

  destroy(cause: Error): void {
    this.#fail(cause)
    this.#socket.destroy()
  }

  /** False, so that no more comes until there is a reader. */
  #arrived(bytes: Buffer): false {
    const waiting = this.#waiting
    this.#waiting = undefined
    const count = waiting ? copy(bytes, waiting.into) : 0
    if (count < bytes.length) this.#ahead = Buffer.concat([this.#ahead, bytes.subarray(count)])
    waiting?.resolve(count)
    return false
  }

  #fail(cause: Error): void {
    this.#failure ??= cause
    this.#waiting?.reject(this.#failure)
    this.#waiting = undefined
  }
}

function copy(from: Uint8Array, into: Uint8Array): number {
  const count = Math.min(from.length, into.length)
  into.set(count < from.length ? from.subarray(0, count) : from)
  return count
}
