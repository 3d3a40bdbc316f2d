import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import type { ByteRange } from '../oci/range.ts'
import type { BlobReader } from './blob-store.ts'
import type { ObjectBody } from './object-body.ts'
import type { S3Bucket } from './s3-bucket.ts'
import type { OpenObject } from './s3-connections.ts'
import { s3Error, s3Result, s3ResultIfPresent } from './s3-error.ts'
import { StoreError } from './store-error.ts'

/** How often in a row an answer may end without a byte. */
const MAX_BARREN = 3

/** Opens an object, or a range that lies inside of it; `undefined` where there is none. */
export async function openS3Object(
  bucket: S3Bucket,
  key: string,
  range: ByteRange | undefined,
): Promise<BlobReader | undefined> {
  const object = await s3ResultIfPresent(`open ${key}`, get(bucket, key, range))
  return object && new S3Reader(bucket, key, object)
}

/** The bytes of an object as they arrive, no faster than they are read; asked for anew after a cut. */
class S3Reader implements BlobReader {
  readonly sizeBytes: number
  readonly #bucket: S3Bucket
  readonly #key: string
  readonly #etag: string | undefined
  readonly #end: number
  #position: number
  #body: ObjectBody
  #isDisposed = false

  constructor(bucket: S3Bucket, key: string, { answer, body }: OpenObject) {
    const { first, end, sizeBytes } = extentOf(answer)
    this.sizeBytes = sizeBytes
    this.#bucket = bucket
    this.#key = key
    this.#etag = answer.ETag
    this.#position = first
    this.#end = end
    this.#body = body
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#position >= this.#end) return 0
    for (let barren = 0; ; barren++) {
      try {
        const count = await this.#body.read(into)
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
    this.#body.destroy()
    return Promise.resolve()
  }

  async #resume(): Promise<void> {
    const rest = { first: this.#position, last: this.#end - 1 }
    const doing = `read ${this.#key} on`
    const asking = get(this.#bucket, this.#key, rest, this.#etag)
    const { answer, body } = await s3Result(doing, asking)
    this.#body.destroy()
    this.#body = body
    if (this.#isDisposed) this.#body.destroy()
    if (extentOf(answer).first === this.#position) return
    this.#body.destroy()
    throw new StoreError('io', `cannot ${doing}: S3 begins anew`)
  }
}

function get(
  { objects, name }: S3Bucket,
  key: string,
  range: ByteRange | undefined,
  etag?: string,
): Promise<OpenObject> {
  return objects.get({
    Bucket: name,
    Key: key,
    Range: range && `bytes=${range.first}-${range.last}`,
    IfMatch: etag,
  })
}

function extentOf({ ContentRange, ContentLength = 0 }: GetObjectCommandOutput) {
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? []
  if (size === undefined) return { first: 0, end: ContentLength, sizeBytes: ContentLength }
  return { first: Number(first), end: Number(last) + 1, sizeBytes: Number(size) }
}
