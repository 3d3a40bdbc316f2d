import { createHash } from 'node:crypto'
import type { Inventory, RepositoryId } from '../inventory/inventory.ts'
import { OCTET_STREAM, type Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, finishDigest, type Digest, type DigestAlgorithm } from '../oci/digest.ts'
import type { Repository } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Spool } from '../store/spool.ts'
import type { Clock } from '../util/clock.ts'
import { chunkPair, gather, type ChunkPair } from '../util/gather.ts'
import { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper } from './content-keeper.ts'
import type { Quota } from './quota.ts'
import { newUploadId, parseUploadId, type UploadId } from './upload-id.ts'
import { UploadHashes } from './upload-hashes.ts'

/** What is written and hashed at once, while the next is received; twice that is in memory. */
const CHUNK_BYTES = 256 * 1024

/** Where so many come at the same time the others are taken in small chunks. */
const MAX_LARGE = 64
const SMALL_CHUNK_BYTES = 32 * 1024

/** So many are kept for the next: new memory for each upload keeps the garbage collector busy. */
const MAX_SPARE = 16

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
  inventory: Inventory
  /** Larger blobs are refused. */
  maxBlobBytes: number
  quota: Quota
  clock: Clock
}

/** Bytes that a client sends. */
export interface Chunk {
  body: AsyncIterable<Uint8Array>
  /** Where they belong, if the client says so. */
  position: number | undefined
}

/**
 * Blobs that are being pushed (distribution-spec, Pushing blobs): in order, in as many requests
 * as a client likes. What a cut request brought stays; one request at a time changes an upload.
 */
export class Uploads {
  readonly #options: UploadsOptions
  readonly #locks = new KeyedLock<UploadId>()
  readonly #hashes = new UploadHashes()
  readonly #spare: ChunkPair[] = []
  #appending = 0

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

  /** A blob that comes at once: as `start` and `finish`, but nothing stays where that fails. */
  async push(
    repository: Repository,
    digest: Digest,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Descriptor> {
    const id = await this.start(repository)
    try {
      return await this.finish(repository, id, digest, { body, position: undefined }, signal)
    } catch (error) {
      // Nobody was told of it who could go on.
      await this.#drop(id)
      throw error
    }
  }

  /**
   * Appends the last bytes, which may be none, and keeps the blob: it is durable when this
   * resolves. Throws RegistryError `DIGEST_INVALID` where it has another digest; the upload is
   * then gone, since more bytes would not help; so it is with `DENIED`, where the repository may
   * have no more. An upload that is not there any more has been
   * finished if the repository has the blob: its client has not heard of it, and asks again.
   */
  async finish(
    repository: Repository,
    text: string,
    digest: Digest,
    chunk: Chunk,
    signal: AbortSignal,
  ): Promise<Descriptor> {
    const { keeper, registry, spools, inventory, quota } = this.#options
    const id = parse(text, repository)
    const owner: RepositoryId = { registry, name: repository }
    using _lock = await this.#locks.acquire(id, signal)
    await using spool = await spools.open(id)
    if (!spool) return this.#finished(owner, digest)
    await this.#append(id, spool, chunk)
    const actual = await this.#digestOf(id, spool, algorithmOf(digest))
    if (actual !== digest) {
      await this.#drop(id)
      throw new RegistryError('DIGEST_INVALID', `the bytes hash to ${actual}`)
    }
    const descriptor = { mediaType: OCTET_STREAM, digest, sizeBytes: spool.sizeBytes }
    using _room = await this.#room(id, quota.admit(repository, descriptor, signal))
    await keeper.keepBlob(owner, descriptor, spool, signal)
    await inventory.sync()
    // Where the store took the file it is gone already.
    await this.#drop(id)
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

  async #finished(owner: RepositoryId, digest: Digest): Promise<Descriptor> {
    const { inventory, clock } = this.#options
    const isLinked = await inventory.renewLink(digest, owner, clock.now())
    const content = isLinked ? await inventory.held(digest) : undefined
    if (!content) throw unknown()
    await inventory.sync()
    return { mediaType: OCTET_STREAM, digest, sizeBytes: content.sizeBytes }
  }

  async #room(id: UploadId, admitting: Promise<Disposable>): Promise<Disposable> {
    try {
      return await admitting
    } catch (error) {
      if (error instanceof RegistryError) await this.#drop(id)
      throw error
    }
  }

  async #append(id: UploadId, spool: Spool, { body, position }: Chunk): Promise<void> {
    if (position !== undefined && position !== spool.sizeBytes) {
      throw new RegistryError('RANGE_INVALID', `the next byte is ${spool.sizeBytes}`)
    }
    const { maxBlobBytes } = this.#options
    const hash = this.#hashes.of(id, spool.sizeBytes)
    let sizeBytes = spool.sizeBytes
    let appending = Promise.resolve()
    const pair = this.#takePair()
    this.#appending++
    try {
      for await (const bytes of gather(body, pair)) {
        sizeBytes += bytes.length
        if (sizeBytes > maxBlobBytes) break
        await appending
        appending = spool.append(bytes)
        // It may fail before the client has sent more, which is when that is found out.
        appending.catch(() => undefined)
        hash?.update(bytes)
      }
    } finally {
      this.#appending--
      await appending
      this.#givePair(pair)
    }
    if (sizeBytes <= maxBlobBytes) return
    await this.#drop(id)
    throw new RegistryError('TOO_LARGE', `a blob may have ${maxBlobBytes} bytes`)
  }

  #takePair(): ChunkPair {
    const spare = this.#spare.pop()
    if (spare) return spare
    return chunkPair(this.#appending < MAX_LARGE ? CHUNK_BYTES : SMALL_CHUNK_BYTES)
  }

  /** Takes back what nothing is written from any more. */
  #givePair(pair: ChunkPair): void {
    if (pair[0].length === CHUNK_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(pair)
  }

  async #digestOf(id: UploadId, spool: Spool, algorithm: DigestAlgorithm): Promise<Digest> {
    const known = algorithm === 'sha256' && this.#hashes.of(id, spool.sizeBytes)?.digest()
    if (known) return known
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
    this.#hashes.forget(id)
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
