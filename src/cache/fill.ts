import { createHash, type Hash } from 'node:crypto'
import type { RepositoryId } from '../inventory/inventory.ts'
import { OCTET_STREAM, type Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, finishDigest, type Digest } from '../oci/digest.ts'
import { resolveRange, wholeRange, type ByteRange, type RangeSpec } from '../oci/range.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Spool, SpoolFolder } from '../store/spool.ts'
import { StoreError } from '../store/store-error.ts'
import { abortable } from '../util/abortable.ts'
import type { ByteReader } from '../util/byte-reader.ts'
import { Rate } from '../util/rate.ts'
import { copyAhead } from './copy-ahead.ts'
import { Follower, type Leader } from './follower.ts'
import { ResumingReader, type ResumingReaderOptions } from './resuming-reader.ts'
import { heldBackFrom, VerifyingReader } from './verifying-reader.ts'

export interface FillOptions extends ResumingReaderOptions {
  spools: SpoolFolder
  /** Asked once the size is known. Rejects with StoreError where so much would not be kept. */
  admit: (sizeBytes: number) => Promise<void>
  /** Keeps a blob that is whole and verified. */
  commit: (descriptor: Descriptor, spool: Spool, signal: AbortSignal) => Promise<void>
  /** Called once, when it is over and before it gives up its spool. */
  onEnd: (end: FillEnd) => void
  /** Called when a spool that is not needed any more cannot be removed. */
  onReleaseFailure: (cause: unknown) => void
}

export interface FillStatus {
  digest: Digest
  repository: RepositoryId
  /** Bytes here so far. */
  bytes: number
  /** Bytes in all; unknown until upstream has answered. */
  totalBytes: number | undefined
  /** As of late. */
  bytesPerSecond: number
  followers: number
}

/** A follower's view of a blob. The caller disposes the body. */
export interface Followed {
  sizeBytes: number
  range: ByteRange
  body: ByteReader
}

/**
 * committed: kept; abandoned: not kept, though its followers may still be served past the cache;
 * absent: upstream has no such blob.
 */
export type FillEnd =
  | { kind: 'committed' }
  | { kind: 'absent' }
  | { kind: 'abandoned'; cause: unknown }

/**
 * One blob on its way from upstream into the store. It drives itself until the blob is whole,
 * whoever follows; followers read its spool behind the writer, and never the last bytes before
 * the digest is verified.
 */
export class Fill implements Leader {
  readonly digest: Digest
  readonly repository: RepositoryId
  /** Resolves when it is over, however it ended. */
  readonly ended: Promise<FillEnd>
  readonly #options: FillOptions
  readonly #abort = new AbortController()
  readonly #opened = Promise.withResolvers<number | undefined>()
  readonly #followers = new Set<Follower>()
  /** Has been fed exactly the bytes that were appended. */
  readonly #hash: Hash
  readonly #rate: Rate
  #spool: Spool | undefined
  #sizeBytes: number | undefined
  #appendedBytes = 0
  /** Followers that wait for the first answer; they need the spool later. */
  #arriving = 0
  #isVerified = false
  #isBypassed = false
  #failure: Error | undefined
  #hasEnded = false

  constructor(options: FillOptions) {
    this.#options = options
    this.digest = options.digest
    this.repository = options.repository
    this.#hash = createHash(algorithmOf(options.digest))
    this.#rate = new Rate(options.clock)
    // Opening may fail when nobody waits for it any more; `failure` keeps the reason.
    this.#opened.promise.catch(() => undefined)
    this.ended = this.#run()
  }

  get status(): FillStatus {
    return {
      digest: this.digest,
      repository: this.repository,
      bytes: this.#appendedBytes,
      totalBytes: this.#sizeBytes,
      bytesPerSecond: Math.round(this.#rate.perSecond),
      followers: this.#followers.size,
    }
  }

  get isVerified(): boolean {
    return this.#isVerified
  }

  get isBypassed(): boolean {
    return this.#isBypassed
  }

  /**
   * Waits for upstream's first answer and follows from there. `undefined` where upstream has no
   * such blob; throws what upstream throws, and UnsatisfiableRangeError. To be called as soon as
   * the fill was found, since one that has ended cannot be followed.
   */
  async follow(spec: RangeSpec | undefined, signal: AbortSignal): Promise<Followed | undefined> {
    this.#arriving++
    try {
      const sizeBytes = await abortable(this.#opened.promise, signal)
      if (sizeBytes === undefined) return undefined
      const range = spec ? resolveRange(spec, sizeBytes) : wholeRange(sizeBytes)
      const body = new Follower(this, range, signal)
      this.#followers.add(body)
      return { sizeBytes, range, body }
    } finally {
      this.#arriving--
      await this.#releaseSpool()
    }
  }

  /** Waits for upstream's first answer: the size, or `undefined` where it has no such blob. */
  sizeBytes(signal: AbortSignal): Promise<number | undefined> {
    return abortable(this.#opened.promise, signal)
  }

  async unfollow(follower: Follower): Promise<void> {
    this.#followers.delete(follower)
    await this.#releaseSpool()
  }

  /** Ends it early; its followers are cut off. */
  abandon(reason: Error): void {
    this.#abort.abort(reason)
  }

  visibleBytes(): number {
    if (this.#failure) throw this.#failure
    if (this.#isVerified) return this.#appendedBytes
    return Math.min(this.#appendedBytes, heldBackFrom(this.#sizeBytes ?? 0))
  }

  async readSpool(into: Uint8Array, position: number): Promise<number> {
    if (!this.#spool) throw new StoreError('io', `${this.digest} has no spool`)
    return this.#spool.readAt(into, position)
  }

  async bypass(firstByte: number, signal: AbortSignal): Promise<ByteReader> {
    const reader = await ResumingReader.open(this.#options, firstByte, signal)
    if (!reader) throw this.#invalid('vanished upstream while it was pulled')
    if (reader.sizeBytes !== this.#sizeBytes) {
      await reader[Symbol.asyncDispose]()
      throw this.#invalid('changed its size upstream while it was pulled')
    }
    // A reader that starts past the spool's end has a part that nobody has seen the rest of.
    if (firstByte !== this.#appendedBytes) return reader
    return new VerifyingReader(reader, {
      sizeBytes: reader.sizeBytes,
      position: firstByte,
      hash: this.#hash.copy(),
      verify: (hash) => this.#verify(hash),
    })
  }

  async #run(): Promise<FillEnd> {
    const end = await this.#fill()
    this.#hasEnded = true
    this.#options.onEnd(end)
    this.#wakeFollowers()
    await this.#releaseSpool()
    return end
  }

  async #fill(): Promise<FillEnd> {
    try {
      // Together, so that the spool costs no time before upstream's first byte.
      const [opening, spooling] = await Promise.allSettled([
        ResumingReader.open(this.#options, 0, this.#abort.signal),
        this.#options.spools.create(this.digest),
      ])
      if (spooling.status === 'fulfilled') this.#spool = spooling.value
      if (opening.status === 'rejected') throw opening.reason
      await using reader = opening.value
      this.#sizeBytes = reader?.sizeBytes
      this.#opened.resolve(reader?.sizeBytes)
      if (!reader) return { kind: 'absent' }
      if (spooling.status === 'rejected') throw spooling.reason
      await this.#options.admit(reader.sizeBytes)
      const spool = spooling.value
      await copyAhead(reader, reader.sizeBytes, (bytes) => this.#append(spool, bytes))
      this.#verify(this.#hash)
      this.#isVerified = true
      this.#wakeFollowers()
      await this.#commit(spool)
      return { kind: 'committed' }
    } catch (cause) {
      if (cause instanceof StoreError && this.#sizeBytes !== undefined) this.#isBypassed = true
      else if (!this.#isVerified) this.#fail(cause)
      return { kind: 'abandoned', cause }
    }
  }

  async #append(spool: Spool, bytes: Uint8Array): Promise<void> {
    await spool.append(bytes)
    this.#hash.update(bytes)
    this.#appendedBytes += bytes.length
    this.#rate.add(bytes.length)
    this.#wakeFollowers()
  }

  async #commit(spool: Spool): Promise<void> {
    const blob = { mediaType: OCTET_STREAM, digest: this.digest, sizeBytes: this.#appendedBytes }
    await this.#options.commit(blob, spool, this.#abort.signal)
  }

  #fail(cause: unknown): void {
    this.#failure = cause instanceof Error ? cause : new Error(String(cause))
    this.#opened.reject(this.#failure)
  }

  #verify(hash: Hash): void {
    const actual = finishDigest(algorithmOf(this.digest), hash)
    if (actual !== this.digest) throw this.#invalid(`has the wrong bytes: they hash to ${actual}`)
  }

  #wakeFollowers(): void {
    for (const follower of this.#followers) follower.wake()
  }

  async #releaseSpool(): Promise<void> {
    if (!this.#hasEnded || this.#arriving > 0 || this.#followers.size > 0) return
    const spool = this.#spool
    this.#spool = undefined
    try {
      await spool?.[Symbol.asyncDispose]()
    } catch (error) {
      this.#options.onReleaseFailure(error)
    }
  }

  #invalid(what: string): UpstreamError {
    const { registry, name } = this.repository
    return new UpstreamError(registry, 'invalid', `${name}@${this.digest} ${what}`)
  }
}
