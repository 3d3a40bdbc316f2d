import type { Readable } from 'node:stream'
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { ByteRange } from '../oci/range.ts'
import type { BlobReader } from './blob-store.ts'
import type { S3Bucket } from './s3-bucket.ts'
import { s3Error, s3Result, s3ResultIfPresent } from './s3-error.ts'

/** How often in a row an answer may end without a byte. */
const MAX_BARREN = 3

/** Opens an object, or a range that lies inside of it; `undefined` where there is none. */
export async function openS3Object(
  bucket: S3Bucket,
  key: string,
  range: ByteRange | undefined,
): Promise<BlobReader | undefined> {
  const answer = await s3ResultIfPresent(`open ${key}`, get(bucket, key, range))
  return answer && new S3Reader(bucket, key, answer)
}

/** The bytes of an object as they arrive, no faster than they are read; asked for anew after a cut. */
class S3Reader implements BlobReader {
  readonly sizeBytes: number
  readonly #bucket: S3Bucket
  readonly #key: string
  readonly #etag: string | undefined
  readonly #end: number
  #position: number
  #body: Body
  #isDisposed = false

  constructor(bucket: S3Bucket, key: string, answer: GetObjectCommandOutput) {
    const { first, end, sizeBytes } = extentOf(answer)
    this.sizeBytes = sizeBytes
    this.#bucket = bucket
    this.#key = key
    this.#etag = answer.ETag
    this.#position = first
    this.#end = end
    this.#body = new Body(answer)
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#position >= this.#end) return 0
    const maxBytes = Math.min(into.length, this.#end - this.#position)
    for (let barren = 0; ; barren++) {
      try {
        const count = await this.#body.read(into, maxBytes)
        this.#position += count
        if (count > 0) return count
        throw new Error(`the answer ended at ${this.#position} of ${this.#end} bytes`)
      } catch (cause) {
        if (this.#isDisposed || barren === MAX_BARREN) throw s3Error(`read ${this.#key}`, cause)
      }
      await this.#resume()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    if (this.#position >= this.#end) this.#body.finish()
    else this.#body.end()
    return Promise.resolve()
  }

  async #resume(): Promise<void> {
    const rest = { first: this.#position, last: this.#end - 1 }
    const answer = await s3Result(
      `read ${this.#key} on`,
      get(this.#bucket, this.#key, rest, this.#etag),
    )
    this.#body.end()
    this.#body = new Body(answer)
    if (this.#isDisposed) this.#body.end()
  }
}

/** The body of one answer. */
class Body {
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)

  constructor(answer: GetObjectCommandOutput) {
    this.#stream = answer.Body as Readable
    // What fails when nobody reads is met by the next read.
    this.#stream.on('error', () => {})
    this.#chunks = this.#stream.iterator({ destroyOnReturn: true }) as AsyncIterator<Buffer>
  }

  async read(into: Uint8Array, maxBytes: number): Promise<number> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next()
      if (next.done) return 0
      this.#chunk = next.value
    }
    const count = Math.min(maxBytes, this.#chunk.length)
    into.set(this.#chunk.subarray(0, count))
    this.#chunk = this.#chunk.subarray(count)
    return count
  }

  /** All bytes were read: when the end is as well, the connection is free for other requests. */
  finish(): void {
    this.#chunks.next().then(
      ({ done }) => {
        if (!done) this.end()
      },
      () => undefined,
    )
  }

  end(): void {
    this.#stream.destroy()
  }
}

function get(
  { client, name, reading }: S3Bucket,
  key: string,
  range: ByteRange | undefined,
  etag?: string,
): Promise<GetObjectCommandOutput> {
  return client.send(
    new GetObjectCommand({
      Bucket: name,
      Key: key,
      Range: range && `bytes=${range.first}-${range.last}`,
      IfMatch: etag,
    }),
    reading,
  )
}

function extentOf({ ContentRange, ContentLength = 0 }: GetObjectCommandOutput) {
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? []
  if (size === undefined) return { first: 0, end: ContentLength, sizeBytes: ContentLength }
  return { first: Number(first), end: Number(last) + 1, sizeBytes: Number(size) }
}
