import { Readable } from 'node:stream'
import {
  GetObjectCommand,
  type GetObjectCommandInput,
  type GetObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { ObjectBody } from './object-body.ts'
import { readAnswer } from './s3-answer.ts'
import { LANDING_BYTES, S3Connection } from './s3-connection.ts'

export interface S3ConnectionsOptions {
  client: S3Client
  /** Certificates, as PEM, that are believed; those of Node.js where left out. */
  ca: string[] | undefined
  /** Until an answer has begun. */
  answerWithinMs: number
  /** How long nothing may come while a body is read. */
  idleMs: number
}

export interface OpenObject {
  answer: GetObjectCommandOutput
  body: ObjectBody
}

/** What the SDK has signed. */
interface SignedRequest {
  protocol: string
  hostname: string
  port?: number
  path: string
  query: Record<string, string>
  headers: Record<string, string>
}

const PLAIN_PORT = 80
const TLS_PORT = 443
const LEFT = 'S3 is not asked any more'

/**
 * Gets objects over connections of its own. The SDK signs, tries again and explains what S3
 * refuses, but bytes are received in the memory of who reads them: its own way takes new memory for
 * each 64 KiB, at several times the CPU.
 */
export class S3Connections implements Disposable {
  readonly #options: S3ConnectionsOptions
  readonly #landing = Buffer.allocUnsafeSlow(LANDING_BYTES)
  readonly #all = new Set<S3Connection>()
  #isDisposed = false
  /** By where they lead; the one that was used last is the last. */
  readonly #free = new Map<string, S3Connection[]>()

  constructor(options: S3ConnectionsOptions) {
    this.#options = options
  }

  /** Rejects with what the SDK says. */
  async get(input: GetObjectCommandInput): Promise<OpenObject> {
    const command = new GetObjectCommand(input)
    let body: ObjectBody | undefined
    command.middlewareStack.add(
      () => async (args) => {
        const { status, headers, content } = await this.#ask(args.request as SignedRequest)
        if (content instanceof ObjectBody) body = content
        // For what it passes on the SDK wants a stream.
        const seen = content instanceof ObjectBody ? Readable.from([]) : content
        return { response: { statusCode: status, headers, body: seen } }
      },
      { step: 'deserialize', priority: 'low' },
    )
    const answer = await this.#options.client.send(command)
    if (!body) throw new TypeError('an answer of S3 has no body')
    return { answer, body }
  }

  /** Ends what is on its way as well, and whatever is asked for later. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
    for (const connection of this.#all) connection.destroy(new Error(LEFT))
  }

  async #ask(request: SignedRequest) {
    if (this.#isDisposed) throw new Error(LEFT)
    const { answerWithinMs, idleMs } = this.#options
    const free = this.#freeTo(request)
    const connection = takeOpen(free) ?? this.#connect(request, free)
    connection.write(textOf(request))
    try {
      const { head, content } = await connection.within(answerWithinMs, readAnswer(connection))
      const { status, headers } = head
      if (typeof content !== 'number') {
        connection.destroy(new Error('S3 has refused'))
        return { status, headers, content }
      }
      const ended = () => {
        if (headers['connection']?.toLowerCase() === 'close') {
          connection.destroy(new Error('S3 wants no more of it'))
          return
        }
        connection.watch()
        free.push(connection)
      }
      return {
        status,
        headers,
        content: new ObjectBody({ connection, lengthBytes: content, idleMs, ended }),
      }
    } catch (error) {
      connection.destroy(error as Error)
      throw error
    }
  }

  #freeTo({ protocol, hostname, port }: SignedRequest): S3Connection[] {
    const origin = `${protocol}//${hostname}:${port ?? ''}`
    const free = this.#free.get(origin) ?? []
    this.#free.set(origin, free)
    return free
  }

  #connect({ protocol, hostname, port }: SignedRequest, free: S3Connection[]): S3Connection {
    const isTls = protocol === 'https:'
    const connection = new S3Connection({
      isTls,
      // Without the brackets of an IPv6 address.
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port ?? (isTls ? TLS_PORT : PLAIN_PORT),
      ca: this.#options.ca,
      landing: this.#landing,
      closed: () => {
        this.#all.delete(connection)
        const index = free.indexOf(connection)
        if (index !== -1) free.splice(index, 1)
      },
    })
    this.#all.add(connection)
    return connection
  }
}

function takeOpen(free: S3Connection[]): S3Connection | undefined {
  for (;;) {
    const connection = free.pop()
    if (!connection || connection.isOpen) return connection
    connection.destroy(new Error('it was of no more use'))
  }
}

/** RFC 9112, section 3. */
function textOf({ path, query, headers }: SignedRequest): string {
  const search = Object.entries(query).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  )
  const target = search.length > 0 ? `${path}?${search.join('&')}` : path
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}
