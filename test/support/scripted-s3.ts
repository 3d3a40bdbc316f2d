import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { S3Bucket } from '../../src/store/s3-bucket.ts'

/** What every request is answered with; `silence` is no answer at all. */
export type S3Answer = number | 'silence'

/** Something at the address of S3 that answers as it is told. */
export class ScriptedS3 implements AsyncDisposable {
  readonly bucket: S3Bucket
  readonly #server: Server
  answer: S3Answer = 200
  requests = 0

  private constructor(server: Server, endpoint: URL) {
    this.#server = server
    this.bucket = new S3Bucket({
      bucket: 'scripted',
      prefix: '',
      region: 'us-east-1',
      endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
      ca: undefined,
      answerWithinMs: 50,
    })
  }

  static async start(): Promise<ScriptedS3> {
    const server = createServer((_, response) => {
      scripted.requests++
      if (scripted.answer === 'silence') return
      response.writeHead(scripted.answer, { 'Content-Length': 0 }).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const scripted = new ScriptedS3(server, new URL(`http://127.0.0.1:${port}`))
    return scripted
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bucket[Symbol.asyncDispose]()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
