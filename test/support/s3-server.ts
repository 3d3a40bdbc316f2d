import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { S3Bucket, type S3Options } from '../../src/store/s3-bucket.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { RunningProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const CREDENTIALS = { accessKeyId: 'entrepot', secretAccessKey: 'entrepot-secret' }
const REGION = 'us-east-1'

/** A versitygw on a folder of its own: a real S3 server. */
export class S3Server implements AsyncDisposable {
  readonly url: URL
  readonly #folder: AsyncDisposable & { path: string }
  #process: RunningProcess | undefined
  #buckets = 0

  private constructor(url: URL, folder: AsyncDisposable & { path: string }) {
    this.url = url
    this.#folder = folder
  }

  static async start(): Promise<S3Server> {
    await using stack = new AsyncDisposableStack()
    const url = new URL(`http://127.0.0.1:${await freePort()}`)
    const server = stack.use(new S3Server(url, await temporaryFolder()))
    await server.comeBack()
    stack.move()
    return server
  }

  /** What a store needs for a bucket of this server. */
  options(bucket: string): S3Options {
    return {
      bucket,
      prefix: '',
      region: REGION,
      endpoint: this.url,
      forcePathStyle: true,
      // The SDK writes into what it is given.
      credentials: { ...CREDENTIALS },
      ca: undefined,
    }
  }

  /** The same as configuration. */
  store({ bucket, prefix }: S3Options): Record<string, unknown> {
    return {
      type: 's3',
      bucket,
      ...(prefix && { prefix }),
      region: REGION,
      endpoint: this.url.origin,
      forcePathStyle: true,
      ...CREDENTIALS,
    }
  }

  /** A new bucket, which goes with the server. */
  async makeBucket(): Promise<S3Options> {
    const options = this.options(`bucket-${++this.#buckets}`)
    await using bucket = new S3Bucket(options)
    await bucket.client.send(new CreateBucketCommand({ Bucket: options.bucket }))
    return options
  }

  async goDown(): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
    this.#process = undefined
  }

  /** On the same port, with what it held, and with further options of versitygw. */
  async comeBack(...further: string[]): Promise<void> {
    const path = join(this.#folder.path, 's3')
    await mkdir(path, { recursive: true })
    const login = ['--access', CREDENTIALS.accessKeyId, '--secret', CREDENTIALS.secretAccessKey]
    const options = ['--port', this.url.host, '--keep-alive', '--quiet', ...further]
    const server = new RunningProcess(['versitygw', ...login, ...options, 'posix', path])
    this.#process = server
    await eventually('versitygw answers', async () => {
      if (server.exit) throw new Error(`versitygw ended:\n${server.output}`)
      return fetch(this.url).then(
        () => true,
        () => false,
      )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown()
    await this.#folder[Symbol.asyncDispose]()
  }
}
