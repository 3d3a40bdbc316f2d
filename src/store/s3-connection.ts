import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface S3ConnectionOptions {
  isTls: boolean
  host: string
  port: number
  /** Believed instead of those of Node.js where given. */
  ca: string[] | undefined
  /** `LANDING_BYTES` in which all connections receive what is copied at once to where it belongs. */
  landing: Buffer
  /** Called when it has ended, by whomever. */
  closed: () => void
}

interface Waiting {
  into: Uint8Array
  /** How much of it has come. */
  filledBytes: number
  resolve: (count: number) => void
  reject: (cause: Error) => void
}

/** More than the head of an answer, and little to copy. */
export const LANDING_BYTES = 16 * 1024
const KEEP_ALIVE_MS = 1_000
const NOTHING = Buffer.alloc(0)

/** The bytes of a connection, which come no faster than they are read. */
export class S3Connection {
  readonly #socket: Socket
  readonly #landing: Buffer
  #waiting: Waiting | undefined
  /** What has come and nobody has read. */
  #ahead: Buffer = NOTHING
  #failure: Error | undefined

  constructor({ isTls, host, port, ca, landing, closed }: S3ConnectionOptions) {
    this.#landing = landing
    const options = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: {
        buffer: () => this.#memory(),
        callback: (count: number, memory: Uint8Array) => this.#arrived(memory, count),
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

  /**
   * Waits for bytes; rejects with what ended the connection. One at a time. `into` is no longer
   * than `LANDING_BYTES`, or than what is still to come.
   */
  read(into: Uint8Array): Promise<number> {
    if (this.#ahead.length > 0) {
      const count = copy(this.#ahead, into)
      this.#ahead = this.#ahead.subarray(count)
      return Promise.resolve(count)
    }
    if (this.#failure) return Promise.reject(this.#failure)
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#waiting = { into, filledBytes: 0, resolve, reject }
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

  /** Where the next bytes are received; asked for once a connection, and after each arrival. */
  #memory(): Uint8Array {
    const waiting = this.#waiting
    return waiting ? waiting.into.subarray(waiting.filledBytes) : this.#landing
  }

  /** False where no more may come until there is a reader. */
  #arrived(memory: Uint8Array, count: number): boolean {
    const waiting = this.#waiting
    const isLanded = memory === this.#landing
    const keptBytes = isLanded ? this.#land(this.#landing.subarray(0, count)) : count
    if (!waiting) return false
    waiting.filledBytes += keptBytes
    // What comes first after a pause can only land. Where that was not all, more comes straight.
    const isMoreThere = isLanded && count === LANDING_BYTES
    if (isMoreThere && waiting.filledBytes < waiting.into.length) return true
    this.#waiting = undefined
    waiting.resolve(waiting.filledBytes)
    return false
  }

  /** Returns how much of it is with who reads. */
  #land(bytes: Buffer): number {
    const count = this.#waiting ? copy(bytes, this.#waiting.into) : 0
    if (count < bytes.length) this.#ahead = Buffer.concat([this.#ahead, bytes.subarray(count)])
    return count
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
