import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListPartsCommand,
  type ListPartsCommandOutput,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Semaphore } from '../util/semaphore.ts'
import { together } from '../util/together.ts'
import type { Leftover, Leftovers } from './leftovers.ts'
import type { S3Bucket } from './s3-bucket.ts'
import { s3Result, s3ResultIfPresent } from './s3-error.ts'
import type { Spool } from './spool.ts'
import { StoreError } from './store-error.ts'

/** Large enough to be worth a request, small enough to be held in memory while it is retried. */
const PART_BYTES = 8 * 1024 * 1024
/** S3 takes no more: Amazon S3 user guide, multipart upload limits. */
const MAX_PARTS = 10_000
const PARTS_AT_ONCE = 4
/** Of all uploads together; they are in memory. */
const ALL_PARTS_AT_ONCE = 8

/** One object, as S3 names it. */
interface Target {
  Bucket: string
  Key: string
}

/** One multipart upload of it. */
interface UploadId extends Target {
  UploadId: string
}

interface OwnUpload {
  key: string
  /** `undefined` before we hear of it, though S3 may list it already. */
  id: string | undefined
}

/** Brings spools to their keys; what it did not begin itself, nobody works on. */
export class Uploads implements Leftovers {
  readonly #bucket: S3Bucket
  readonly #permits = new Semaphore(ALL_PARTS_AT_ONCE)
  readonly #own = new Set<OwnUpload>()

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket
  }

  /**
   * Puts a spool, in one request or in parts: visible whole or not at all. Leaves nothing behind
   * where it fails, as far as S3 can be asked then. Throws StoreError.
   */
  async put(key: string, spool: Spool, signal: AbortSignal): Promise<void> {
    const { client, name: Bucket } = this.#bucket
    if (spool.sizeBytes > PART_BYTES) return this.#putInParts({ Bucket, Key: key }, spool, signal)
    using _permit = await this.#permits.acquire(signal)
    const Body = await readPart(spool, 0, spool.sizeBytes)
    const command = new PutObjectCommand({ Bucket, Key: key, Body })
    await s3Result(`put ${key}`, client.send(command, { abortSignal: signal }), signal)
  }

  async leftovers(): Promise<Leftover[]> {
    const { client, name: Bucket } = this.#bucket
    const Prefix = this.#bucket.key('')
    // Others may use the bucket; to ask for ours alone is more than MinIO understands.
    const blobs = this.#bucket.key('blobs/')
    const found: Leftover[] = []
    let page: ListMultipartUploadsCommandOutput | undefined
    do {
      const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page ?? {}
      const marks = { Bucket, Prefix, KeyMarker, UploadIdMarker }
      const asking = client.send(new ListMultipartUploadsCommand(marks))
      page = await s3Result('list uploads', asking)
      for (const { Key = '', UploadId = '' } of page.Uploads ?? []) {
        if (!Key.startsWith(blobs) || this.#isOwn(Key, UploadId)) continue
        const sizeBytes = await this.#sizeOf({ Bucket, Key, UploadId })
        if (sizeBytes === undefined) continue
        const reason = 'an upload that nobody goes on with'
        found.push({ name: `${Key} ${UploadId}`, sizeBytes, reason })
      }
    } while (page.IsTruncated)
    return found
  }

  async removeLeftover(name: string): Promise<void> {
    const [Key = '', UploadId = ''] = name.split(' ')
    const { client, name: Bucket } = this.#bucket
    const aborting = client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
    await s3ResultIfPresent(`abort the upload of ${Key}`, aborting)
  }

  async #putInParts(target: Target, spool: Spool, signal: AbortSignal): Promise<void> {
    const own: OwnUpload = { key: target.Key, id: undefined }
    this.#own.add(own)
    try {
      // Not aborted: what was begun and not heard of could not be ended.
      const creating = this.#bucket.client.send(new CreateMultipartUploadCommand(target))
      const { UploadId = '' } = await s3Result(`put ${target.Key}`, creating)
      own.id = UploadId
      await this.#upload({ ...target, UploadId }, spool, signal)
    } finally {
      this.#own.delete(own)
    }
  }

  #isOwn(key: string, uploadId: string): boolean {
    return [...this.#own].some(({ key: own, id }) => own === key && (id ?? uploadId) === uploadId)
  }

  async #upload(id: UploadId, spool: Spool, signal: AbortSignal): Promise<void> {
    const { client } = this.#bucket
    try {
      await this.#complete(id, await this.#putParts(id, spool, signal), spool.sizeBytes)
    } catch (cause) {
      // The first failure says more than that of the abort; the sweep finds what is left.
      await client.send(new AbortMultipartUploadCommand(id)).catch(() => undefined)
      throw cause
    }
  }

  /** The answer may be lost, or come from a repetition: what is there then decides. */
  async #complete(id: UploadId, Parts: CompletedPart[], sizeBytes: number): Promise<void> {
    const command = new CompleteMultipartUploadCommand({ ...id, MultipartUpload: { Parts } })
    try {
      await s3Result(`complete ${id.Key}`, this.#bucket.client.send(command))
    } catch (cause) {
      const head = await this.#bucket.head(id.Key).catch(() => undefined)
      if (head?.ContentLength !== sizeBytes) throw cause
    }
  }

  async #putParts(id: UploadId, spool: Spool, signal: AbortSignal): Promise<CompletedPart[]> {
    const partBytes = Math.max(PART_BYTES, Math.ceil(spool.sizeBytes / MAX_PARTS))
    const count = Math.ceil(spool.sizeBytes / partBytes)
    const completed: CompletedPart[] = []
    let next = 0
    // A part that arrived after the abort would stay: all of them have to have ended.
    await together(Math.min(PARTS_AT_ONCE, count), signal, async (ended) => {
      while (next < count) {
        const index = next++
        completed[index] = await this.#putPart(id, spool, index, partBytes, ended)
      }
    })
    return completed
  }

  async #putPart(
    id: UploadId,
    spool: Spool,
    index: number,
    partBytes: number,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    using _permit = await this.#permits.acquire(signal)
    const position = index * partBytes
    const Body = await readPart(spool, position, Math.min(partBytes, spool.sizeBytes - position))
    const PartNumber = index + 1
    const command = new UploadPartCommand({ ...id, PartNumber, Body })
    const sending = this.#bucket.client.send(command, { abortSignal: signal })
    const { ETag } = await s3Result(`put part ${PartNumber} of ${id.Key}`, sending, signal)
    return { PartNumber, ETag }
  }

  /** `undefined` where it has ended meanwhile. */
  async #sizeOf(id: UploadId): Promise<number | undefined> {
    let sizeBytes = 0
    let page: ListPartsCommandOutput | undefined
    do {
      const command = new ListPartsCommand({ ...id, PartNumberMarker: page?.NextPartNumberMarker })
      const asking = this.#bucket.client.send(command)
      page = await s3ResultIfPresent(`list the parts of ${id.Key}`, asking)
      if (!page) return undefined
      for (const { Size = 0 } of page.Parts ?? []) sizeBytes += Size
    } while (page.IsTruncated)
    return sizeBytes
  }
}

async function readPart(spool: Spool, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let filled = 0; filled < length;) {
    const count = await spool.readAt(bytes.subarray(filled), position + filled)
    if (count === 0) throw new StoreError('corrupt', `${spool.path} is shorter than it was`)
    filled += count
  }
  return bytes
}
