import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, parseDigest } from '../oci/digest.ts'
import type { ByteRange } from '../oci/range.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { BlobReader, BlobStat, BlobStore, Undeleted } from './blob-store.ts'
import type { DirectLinks } from './direct-links.ts'
import type { Quarantine, QuarantinedBlob } from './quarantine.ts'
import type { S3Bucket } from './s3-bucket.ts'
import { deleteS3Objects } from './s3-deletion.ts'
import { s3Error, s3Result, s3ResultIfPresent } from './s3-error.ts'
import { openS3Object } from './s3-reader.ts'
import type { Uploads } from './s3-uploads.ts'
import { SharedReads } from './shared-reads.ts'
import { refuseOtherSize, type Spool } from './spool.ts'

/** What S3 copies in one request: Amazon S3 API reference, CopyObject. */
const MAX_COPY_BYTES = 5 * 1024 ** 3
const SINCE = 'since-ms'
const NEVER = new AbortController().signal

/** Blobs as objects of a bucket, `blobs/sha256/abcdef...`; what is set aside as `quarantine/...`. */
export class S3Store implements BlobStore, Quarantine, DirectLinks {
  readonly #bucket: S3Bucket
  readonly #uploads: Uploads
  readonly #settingAside = new SingleFlight<boolean>()
  readonly #reads = new SharedReads(
    (digest, range) => openS3Object(this.#bucket, this.#keyOf(digest), range),
    { chunkBytes: 512 * 1024, capBytes: 32 * 1024 * 1024 },
  )

  /** Disposes the bucket when it is disposed. */
  constructor(bucket: S3Bucket, uploads: Uploads) {
    this.#bucket = bucket
    this.#uploads = uploads
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const sizeBytes = await this.#sizeOf(this.#keyOf(digest))
    return sizeBytes === undefined ? undefined : { digest, sizeBytes }
  }

  open(digest: Digest, range?: ByteRange): Promise<BlobReader | undefined> {
    return this.#reads.open(digest, range)
  }

  async put(descriptor: Descriptor, from: Spool, signal: AbortSignal): Promise<void> {
    refuseOtherSize(descriptor, from)
    signal.throwIfAborted()
    await this.#uploads.put(this.#keyOf(descriptor.digest), from, signal)
  }

  async delete(digests: readonly Digest[]): Promise<Undeleted[]> {
    const keys = digests.map((digest) => this.#keyOf(digest))
    const failures = await deleteS3Objects(this.#bucket, keys)
    this.#reads.leaveAlone(digests)
    return digests.flatMap((digest) => {
      const error = failures.get(this.#keyOf(digest))
      return error ? [{ digest, error }] : []
    })
  }

  async *list(): AsyncIterable<BlobStat> {
    for await (const { path, sizeBytes } of this.#below('blobs/')) {
      const digest = parseDigest(path.replace('/', ':'))
      if (digest) yield { digest, sizeBytes }
    }
  }

  async quarantine(digest: Digest, nowMs: number): Promise<boolean> {
    const setAside = () => this.#setAside(digest, nowMs)
    const { value, joined } = await this.#settingAside.run(digest, NEVER, setAside)
    this.#reads.leaveAlone([digest])
    return value && !joined
  }

  async *quarantined(): AsyncIterable<QuarantinedBlob> {
    for await (const { path, sizeBytes } of this.#below('quarantine/')) {
      const digest = parseDigest(path.replace('/', ':'))
      const head = digest && (await this.#bucket.head(this.#quarantineKeyOf(digest)))
      if (head) yield { digest, sizeBytes, sinceMs: Number(head.Metadata?.[SINCE] ?? 0) }
    }
  }

  async dropQuarantined(digest: Digest): Promise<void> {
    await this.#remove(this.#quarantineKeyOf(digest))
  }

  async link({ digest, sizeBytes }: BlobStat, ttlMs: number): Promise<URL | undefined> {
    const { client, name } = this.#bucket
    const key = this.#keyOf(digest)
    if ((await this.#sizeOf(key)) !== sizeBytes) return undefined
    const command = new GetObjectCommand({ Bucket: name, Key: key })
    const signing = getSignedUrl(client, command, { expiresIn: Math.floor(ttlMs / 1000) })
    return new URL(await s3Result(`link to ${key}`, signing))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#bucket[Symbol.asyncDispose]()
  }

  /** Copied before it is removed: a crash in between leaves it where it is found again. */
  async #setAside(digest: Digest, nowMs: number): Promise<boolean> {
    const key = this.#keyOf(digest)
    const sizeBytes = await this.#sizeOf(key)
    if (sizeBytes === undefined) return false
    // What is larger is only removed: who wants to look at it would not find all of it elsewhere.
    if (sizeBytes <= MAX_COPY_BYTES) {
      const { client, name } = this.#bucket
      const command = new CopyObjectCommand({
        Bucket: name,
        Key: this.#quarantineKeyOf(digest),
        CopySource: encodeURI(`${name}/${key}`),
        MetadataDirective: 'REPLACE',
        Metadata: { [SINCE]: String(nowMs) },
      })
      await s3Result(`set ${key} aside`, client.send(command))
    }
    await this.#remove(key)
    return true
  }

  async *#below(folder: string): AsyncIterable<{ path: string; sizeBytes: number }> {
    const { client, name } = this.#bucket
    const Prefix = this.#bucket.key(folder)
    try {
      for await (const page of paginateListObjectsV2({ client }, { Bucket: name, Prefix })) {
        for (const { Key = '', Size = 0 } of page.Contents ?? []) {
          yield { path: Key.slice(Prefix.length), sizeBytes: Size }
        }
      }
    } catch (cause) {
      throw s3Error(`list ${Prefix}`, cause)
    }
  }

  async #sizeOf(key: string): Promise<number | undefined> {
    const head = await this.#bucket.head(key)
    return head?.ContentLength
  }

  async #remove(key: string): Promise<void> {
    const { client, name } = this.#bucket
    const command = new DeleteObjectCommand({ Bucket: name, Key: key })
    await s3ResultIfPresent(`remove ${key}`, client.send(command))
  }

  #keyOf(digest: Digest): string {
    return this.#bucket.key(`blobs/${digest.replace(':', '/')}`)
  }

  #quarantineKeyOf(digest: Digest): string {
    return this.#bucket.key(`quarantine/${digest.replace(':', '/')}`)
  }
}
