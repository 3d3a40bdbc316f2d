import { getCACertificates } from 'node:tls'
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { S3Connections } from './s3-connections.ts'
import { s3Error, s3ResultIfPresent } from './s3-error.ts'
import { StoreError } from './store-error.ts'

export interface S3Options {
  bucket: string
  /** Put in front of every key; empty, or without a slash at its end. */
  prefix: string
  region: string
  /** That of AWS in the region where left out. */
  endpoint: URL | undefined
  /** The bucket in the path instead of in the host name. */
  forcePathStyle: boolean
  /** As the AWS SDK finds them where left out: environment, profile, web identity, instance. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined
  /** Certificates, as PEM, that are believed besides those of the system. */
  ca: string | undefined
  /** Until S3 begins to answer a request to read; 5 s where left out. */
  answerWithinMs?: number
  /** How long nothing may come or go on a connection; 30 s where left out. */
  idleMs?: number
}

const CONNECT_WITHIN_MS = 5_000
const IDLE_MS = 30_000
const ANSWER_WITHIN_MS = 5_000
const ATTEMPTS = 3

/** A bucket, or the part of it below a prefix. */
export class S3Bucket implements AsyncDisposable {
  readonly client: S3Client
  readonly name: string
  /** For requests to read: what S3 has to say first is short. */
  readonly reading: { requestTimeout: number }
  /** For what is larger than an answer in XML. */
  readonly objects: S3Connections
  readonly #prefix: string

  constructor(options: S3Options) {
    const { bucket, prefix, region, endpoint, forcePathStyle, credentials, ca } = options
    this.name = bucket
    const { answerWithinMs = ANSWER_WITHIN_MS, idleMs = IDLE_MS } = options
    this.reading = { requestTimeout: answerWithinMs }
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    // As many connections as there are readers: with a limit, one that waits for its turn behind
    // slow clients would look like an S3 that does not answer.
    const agent = { keepAlive: true, maxSockets: Infinity }
    const believed = ca === undefined ? undefined : [...getCACertificates('default'), ca]
    this.client = new S3Client({
      region,
      forcePathStyle,
      maxAttempts: ATTEMPTS,
      // Not all that speak S3 know the checksums that the SDK adds by itself; ours is the digest.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_WITHIN_MS,
        socketTimeout: idleMs,
        throwOnRequestTimeout: true,
        httpAgent: agent,
        httpsAgent: believed ? { ...agent, ca: believed } : agent,
      },
      ...(endpoint && { endpoint: endpoint.href }),
      ...(credentials && { credentials }),
    })
    this.objects = new S3Connections({
      client: this.client,
      ca: believed,
      answerWithinMs,
      idleMs,
    })
  }

  key(path: string): string {
    return this.#prefix + path
  }

  /** Of an object; `undefined` where there is none. Throws StoreError. */
  head(key: string): Promise<HeadObjectCommandOutput | undefined> {
    const command = new HeadObjectCommand({ Bucket: this.name, Key: key })
    return s3ResultIfPresent(`stat ${key}`, this.client.send(command, this.reading))
  }

  /**
   * Throws StoreError that says what is wrong with the bucket, or with what we may do there, and
   * what may be done about it.
   */
  async check(): Promise<void> {
    await this.#checkReading()
    await this.#checkWriting()
  }

  async #checkReading(): Promise<void> {
    const doing = `use the bucket ${this.name}`
    try {
      // Where it fails its answer says more than that to a HEAD, which has no body.
      const command = { Bucket: this.name, Prefix: this.#prefix, MaxKeys: 1 }
      await this.client.send(new ListObjectsV2Command(command))
    } catch (cause) {
      const hint = hintOf(cause)
      if (hint === undefined) throw s3Error(doing, cause)
      throw new StoreError('io', `cannot ${doing}: ${hint}`, { cause })
    }
  }

  /** By an upload that is begun and ended, which leaves nothing. */
  async #checkWriting(): Promise<void> {
    const target = { Bucket: this.name, Key: this.key('blobs/check') }
    try {
      const { UploadId } = await this.client.send(new CreateMultipartUploadCommand(target))
      await this.client.send(new AbortMultipartUploadCommand({ ...target, UploadId }))
    } catch (cause) {
      const doing = `write to the bucket ${this.name}`
      if (!isDenied(cause)) throw s3Error(doing, cause)
      const hint = 'access is denied: the credentials lack s3:PutObject or s3:AbortMultipartUpload'
      throw new StoreError('io', `cannot ${doing}: ${hint}`, { cause })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.objects[Symbol.dispose]()
    this.client.destroy()
    return Promise.resolve()
  }
}

function hintOf(cause: unknown): string | undefined {
  if (!(cause instanceof S3ServiceException)) {
    const isUnknown = cause instanceof Error && cause.name === 'CredentialsProviderError'
    return isUnknown ? 'no credentials were found: see store.accessKeyId' : undefined
  }
  const { httpStatusCode: status } = cause.$metadata
  if (status === 301 || status === 400) {
    const region = cause.$response?.headers['x-amz-bucket-region'] ?? regionIn(cause)
    return region === undefined ? undefined : `it is in the region ${region}: see store.region`
  }
  if (status === 404) return 'there is no such bucket: see store.bucket and store.region'
  if (!isDenied(cause)) return undefined
  return cause.name === 'AccessDenied'
    ? 'access is denied: the credentials lack s3:ListBucket on it'
    : `access is denied: the credentials are wrong (${cause.name})`
}

/** What S3 says of a bucket that is asked for in the region of another. */
function regionIn(cause: S3ServiceException): string | undefined {
  return 'Region' in cause && typeof cause.Region === 'string' ? cause.Region : undefined
}

function isDenied(cause: unknown): boolean {
  if (!(cause instanceof S3ServiceException)) return false
  const { httpStatusCode: status } = cause.$metadata
  return status === 401 || status === 403
}
