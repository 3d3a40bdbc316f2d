import { connect, type Socket } from 'node:net'

const COLLECTED_BYTES = 64 * 1024

export interface Answer {
  status: number
  /** Status line and headers. */
  head: string
  /** Empty where the body is larger than 64 KiB: such bodies are counted and dropped. */
  body: string
  bodyBytes: number
  firstByteMs: number
}

interface Pending {
  head: string
  body: string
  bodyBytes: number
  wantedBytes: number
  firstByteMs: number
  resolve: (answer: Answer) => void
  reject: (error: Error) => void
}

// One buffer for all sockets: what was read is dealt with before anything else is read.
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

/**
 * HTTP/1.1 over a bare socket, for load generators: bodies are read into one buffer and dropped.
 * One request at a time, keep-alive, bodies with a `Content-Length` alone.
 */
export class Connection {
  readonly #socket: Socket
  readonly #host: string
  #pending: Pending | undefined

  constructor(port: number) {
    this.#host = `127.0.0.1:${port}`
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer, callback: (bytes) => this.#read(bytes) },
    })
    this.#socket.on('error', (error) => this.#pending?.reject(error))
    this.#socket.on('close', () => this.#pending?.reject(new Error('closed before the end')))
  }

  get(path: string, headers: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending = {
        head: '',
        body: '',
        bodyBytes: 0,
        wantedBytes: 0,
        firstByteMs: 0,
        resolve,
        reject,
      }
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${headers}\r\n`)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(length: number): boolean {
    const pending = this.#pending
    if (!pending) {
      this.#socket.destroy(new Error('bytes that nobody asked for'))
      return true
    }
    let bodyAt = 0
    if (pending.firstByteMs === 0) {
      pending.head += buffer.toString('latin1', 0, length)
      const end = pending.head.indexOf('\r\n\r\n')
      if (end === -1) return true
      bodyAt = length - (pending.head.length - end - 4)
      pending.head = pending.head.slice(0, end)
      pending.firstByteMs = performance.now()
      pending.wantedBytes = Number(headerOf(pending.head, 'content-length') ?? NaN)
    }
    pending.bodyBytes += length - bodyAt
    if (pending.wantedBytes <= COLLECTED_BYTES)
      pending.body += buffer.toString('latin1', bodyAt, length)
    if (pending.bodyBytes === pending.wantedBytes) this.#finish(pending)
    else if (!(pending.bodyBytes < pending.wantedBytes)) {
      this.#socket.destroy(new Error('more bytes than announced, or no Content-Length'))
    }
    return true
  }

  #finish(pending: Pending): void {
    this.#pending = undefined
    const { head, body, bodyBytes, firstByteMs } = pending
    pending.resolve({ status: Number(head.slice(9, 12)), head, body, bodyBytes, firstByteMs })
  }
}

export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*?)\\r?$`, 'im').exec(head)?.[1]
}
