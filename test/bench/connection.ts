import { connect, type Socket } from 'node:net'

const COLLECTED_BYTES = 64 * 1024
/** What ends a body in chunks, behind the chunk before. */
const LAST_CHUNK = '\r\n0\r\n\r\n'

export interface Answer {
  status: number
  /** Status line and headers. */
  head: string
  /** Empty where the body is larger than 64 KiB, or comes in chunks: such bodies are counted and dropped. */
  body: string
  /** With what frames the chunks. */
  bodyBytes: number
  firstByteMs: number
}

interface Pending {
  head: string
  body: string
  bodyBytes: number
  /** `Infinity` for a body in chunks. */
  wantedBytes: number
  firstByteMs: number
  /** The last bytes of a body in chunks. */
  tail: string
  resolve: (answer: Answer) => void
  reject: (error: Error) => void
}

// One buffer for all sockets: what was read is dealt with before anything else is read.
const buffer = Buffer.allocUnsafeSlow(256 * 1024)

/**
 * HTTP/1.1 over a bare socket, for load generators: bodies are read into one buffer and dropped.
 * One request at a time, keep-alive. Bodies have a `Content-Length` or come in chunks.
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
    return this.ask('GET', path, headers)
  }

  /** Each of the headers is ended by CRLF. */
  ask(method: 'GET' | 'POST', path: string, headers: string, body = ''): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending = {
        head: '',
        body: '',
        bodyBytes: 0,
        wantedBytes: 0,
        firstByteMs: 0,
        tail: '',
        resolve,
        reject,
      }
      this.#socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${headers}\r\n${body}`,
      )
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
      pending.wantedBytes = bodyBytesOf(pending.head)
    }
    pending.bodyBytes += length - bodyAt
    if (pending.wantedBytes <= COLLECTED_BYTES)
      pending.body += buffer.toString('latin1', bodyAt, length)
    if (pending.wantedBytes === Infinity) this.#readChunks(pending, bodyAt, length)
    else if (pending.bodyBytes === pending.wantedBytes) this.#finish(pending)
    else if (!(pending.bodyBytes < pending.wantedBytes)) {
      this.#socket.destroy(new Error('more bytes than announced, or no Content-Length'))
    }
    return true
  }

  #readChunks(pending: Pending, start: number, end: number): void {
    const last = buffer.toString('latin1', Math.max(start, end - LAST_CHUNK.length), end)
    pending.tail = (pending.tail + last).slice(-LAST_CHUNK.length)
    if (pending.tail === LAST_CHUNK) this.#finish(pending)
  }

  #finish(pending: Pending): void {
    this.#pending = undefined
    const { head, body, bodyBytes, firstByteMs } = pending
    pending.resolve({ status: Number(head.slice(9, 12)), head, body, bodyBytes, firstByteMs })
  }
}

/** `Infinity` for one in chunks, `NaN` where nothing is said. */
function bodyBytesOf(head: string): number {
  if (headerOf(head, 'transfer-encoding') === 'chunked') return Infinity
  return Number(headerOf(head, 'content-length') ?? NaN)
}

export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*?)\\r?$`, 'im').exec(head)?.[1]
}
