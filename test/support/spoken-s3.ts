import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { S3Bucket, type S3Options } from '../../src/store/s3-bucket.ts'

/** Says something to who has asked. */
export type Speech = (socket: Socket) => void

type Patience = Pick<S3Options, 'answerWithinMs' | 'idleMs'>

/** Something at the address of S3 that answers each request with the next of what it is given, byte for byte. */
export class SpokenS3 implements AsyncDisposable {
  readonly bucket: S3Bucket
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #speeches: Speech[]
  /** The heads of all requests. */
  readonly requests: string[] = []
  connections = 0

  private constructor(server: Server, speeches: Speech[], patience: Patience) {
    this.#server = server
    this.#speeches = speeches
    this.bucket = new S3Bucket({
      bucket: 'spoken',
      prefix: '',
      region: 'us-east-1',
      endpoint: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
      forcePathStyle: true,
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
      ca: undefined,
      ...patience,
    })
    server.on('connection', (socket) => this.#join(socket))
  }

  static async start(speeches: Speech[], patience: Patience = {}): Promise<SpokenS3> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new SpokenS3(server, speeches, patience)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bucket[Symbol.asyncDispose]()
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #join(socket: Socket): void {
    this.connections++
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    socket.setNoDelay(true)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) return
      this.requests.push(text.slice(0, end))
      text = text.slice(end + 4)
      this.#speeches.shift()?.(socket)
    })
  }
}
