import { createHash, type Hash } from 'node:crypto'
import type { RepositoryId } from '../inventory/inventory.ts'
import { OCTET_STREAM, type Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, finishDigest, type Digest, type DigestAlgorithm } from '../oci/digest.ts'
import type { Repository } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Spool } from '../store/spool.ts'
import { gather } from '../util/gather.ts'
import { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper } from './content-keeper.ts'
import { newUploadId, parseUploadId, type UploadId } from './upload-id.ts'

/** Uploads whose hash goes on with what is appended; that of others is made anew at the end. */
const MAX_HASHED = 1000

/** What is written and hashed at once, while the next is received. */
const CHUNK_BYTES = 256 * 1024

/** Where uploads wait until they are whole. See UploadFolder of the store. */
export interface UploadSpools {
  create(id: string): Promise<Spool>
  open(id: string): Promise<Spool | undefined>
  remove(id: string): Promise<void>
}

export interface UploadsOptions {
  registry: string
  spools: UploadSpools
  keeper: ContentKeeper
  /** Makes what the keeper has recorded durable. */
  sync: () => Promise<void>
  /** Larger blobs are refused. */
  maxBlobBytes: number
}

/** Bytes that a client sends. */
export interface Chunk {
  body: AsyncIterable<Uint8Array>
  /** Where they belong, if the client says so. */
  position: number | undefined
}

interface Hashed {
  hash: Hash
  bytes: number
}

/**
 * Blobs that are being pushed (distribution-spec, Pushing blobs): in order, in as many requests
 * as a client likes. What a cut request brought stays; one request at a time changes an upload.
 */
export class Uploads {
  readonly #options: UploadsOptions
  readonly #locks = new KeyedLock<UploadId>()
  readonly #hashed = new Map<UploadId, Hashed>()

  constructor(options: UploadsOptions) {
    this.#options = options
  }

  async start(repository: Repository): Promise<UploadId> {
    const id = newUploadId(repository)
    await using _spool = await this.#options.spools.create(id)
    return id
  }

  /** How many bytes it has. Throws RegistryError `BLOB_UPLOAD_UNKNOWN`, as all that follow. */
  async size(repository: Repository, id: string): Promise<number> {
    await using spool = await this.#open(parse(id, repository))
    return spool.sizeBytes
  }

  /** Returns how many bytes it has then. Throws RegistryError `RANGE_INVALID` for bytes that are not the next. */
  async append(
    repository: Repository,
    text: string,
    chunk: Chunk,
    signal: AbortSignal,
  ): Promise<number> {
    const id = parse(text, repository)
    using _lock = await this.#locks.acquire(id, signal)
    await using spool = await this.#open(id)
    await this.#append(id, spool, chunk)
    return spool.sizeBytes
  }

  /**
   * Appends the last bytes, which may be none, and keeps the blob: it is durable when this
   * resolves. Throws RegistryError `DIGEST_INVALID` where it has another digest; the upload is
   * then gone, since more bytes would not help.
   */
  async finish(
    repository: Repository,
    text: string,
    digest: Digest,
    chunk: Chunk,
    signal: AbortSignal,
  ): Promise<Descriptor> {
    const { keeper, registry, spools, sync } = this.#options
    const id = parse(text, repository)
    using _lock = await this.#locks.acquire(id, signal)
    await using spool = await this.#open(id)
    await this.#append(id, spool, chunk)
    const actual = await this.#digestOf(id, spool, algorithmOf(digest))
    if (actual !== digest) {
      await this.#drop(id)
      throw new RegistryError('DIGEST_INVALID', `the bytes hash to ${actual}`)
    }
    const descriptor = { mediaType: OCTET_STREAM, digest, sizeBytes: spool.sizeBytes }
    const owner: RepositoryId = { registry, name: repository }
    await keeper.keepBlob(owner, descriptor, spool, signal)
    await sync()
    this.#hashed.delete(id)
    // Where the store took the file it is gone already.
    await spools.remove(id)
    return descriptor
  }

  async cancel(repository: Repository, text: string, signal: AbortSignal): Promise<void> {
    const id = parse(text, repository)
    using _lock = await this.#locks.acquire(id, signal)
    await using _spool = await this.#open(id)
    await this.#drop(id)
  }

  async #open(id: UploadId): Promise<Spool> {
    const spool = await this.#options.spools.open(id)
    if (!spool) throw unknown()
    return spool
  }

  async #append(id: UploadId, spool: Spool, { body, position }: Chunk): Promise<void> {
    if (position !== undefined && position !== spool.sizeBytes) {
      throw new RegistryError('RANGE_INVALID', `the next byte is ${spool.sizeBytes}`)
    }
    const { maxBlobBytes } = this.#options
    const hashed = this.#hashedSoFar(id, spool)
    let sizeBytes = spool.sizeBytes
    let appending = Promise.resolve()
    try {
      for await (const bytes of gather(body, CHUNK_BYTES)) {
        sizeBytes += bytes.length
        if (sizeBytes > maxBlobBytes) break
        await appending
        appending = spool.append(bytes)
        if (!hashed) continue
        hashed.hash.update(bytes)
        hashed.bytes += bytes.length
      }
    } finally {
      await appending
    }
    if (sizeBytes <= maxBlobBytes) return
    await this.#drop(id)
    throw new RegistryError('TOO_LARGE', `a blob may have ${maxBlobBytes} bytes`)
  }

  /** `undefined` where it is not the hash of all that is there. */
  #hashedSoFar(id: UploadId, spool: Spool): Hashed | undefined {
    const known = this.#hashed.get(id)
    if (known) return known.bytes === spool.sizeBytes ? known : undefined
    if (spool.sizeBytes > 0 || this.#hashed.size >= MAX_HASHED) return undefined
    const hashed = { hash: createHash('sha256'), bytes: 0 }
    this.#hashed.set(id, hashed)
    return hashed
  }

  async #digestOf(id: UploadId, spool: Spool, algorithm: DigestAlgorithm): Promise<Digest> {
    const hashed = this.#hashedSoFar(id, spool)
    if (hashed && algorithm === 'sha256') return finishDigest(algorithm, hashed.hash.copy())
    const hash = createHash(algorithm)
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    for (let position = 0; position < spool.sizeBytes;) {
      const count = await spool.readAt(buffer, position)
      hash.update(buffer.subarray(0, count))
      position += count
    }
    return finishDigest(algorithm, hash)
  }

  async #drop(id: UploadId): Promise<void> {
    this.#hashed.delete(id)
    await this.#options.spools.remove(id)
  }
}

function parse(text: string, repository: Repository): UploadId {
  const id = parseUploadId(text, repository)
  if (!id) throw unknown()
  return id
}

function unknown(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', 'unknown upload')
}
