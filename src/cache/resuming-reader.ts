import type { RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { RangeSpec } from '../oci/range.ts'
import type { Blob, Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { backoffMs } from '../util/backoff.ts'
import type { ByteReader } from '../util/byte-reader.ts'
import type { Clock } from '../util/clock.ts'

export interface ResumingReaderOptions {
  source: Source
  repository: RepositoryId
  digest: Digest
  clock: Clock
  /** Without a new byte for this long the transfer has failed; total time does not matter. */
  giveUpAfterMs: number
  /** Called when a transfer that was cut goes on. */
  onResume: (cause: UpstreamError) => void
}

/**
 * A blob as upstream has it from some byte on, read through any number of cuts: each is followed
 * by a new request for the rest. The bytes are not verified.
 */
export class ResumingReader implements ByteReader {
  readonly sizeBytes: number
  readonly #options: ResumingReaderOptions
  readonly #disposed: AbortController
  readonly #signal: AbortSignal
  #body: ByteReader | undefined
  #position: number
  #reading: Promise<number> | undefined

  /** `undefined` where upstream does not have the blob. Throws what the source throws. */
  static async open(
    options: ResumingReaderOptions,
    firstByte: number,
    signal: AbortSignal,
  ): Promise<ResumingReader | undefined> {
    const disposed = new AbortController()
    const either = AbortSignal.any([signal, disposed.signal])
    const blob = await request(options, firstByte, either)
    return blob && new ResumingReader(options, blob, disposed, either)
  }

  private constructor(
    options: ResumingReaderOptions,
    blob: Blob,
    disposed: AbortController,
    signal: AbortSignal,
  ) {
    this.#options = options
    this.#disposed = disposed
    this.#signal = signal
    this.#body = blob.body
    this.#position = blob.range.first
    this.sizeBytes = blob.descriptor.sizeBytes
  }

  read(into: Uint8Array): Promise<number> {
    this.#reading = this.#read(into)
    return this.#reading
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // An answer that was read to its end is not aborted: its connection can be used again.
    if (this.#position < this.sizeBytes) {
      this.#disposed.abort(new Error('the reader is disposed'))
      await Promise.allSettled([this.#reading])
    }
    await this.#close()
  }

  async #read(into: Uint8Array): Promise<number> {
    const { clock, giveUpAfterMs } = this.#options
    const startedAtMs = clock.now()
    for (let attempt = 0; ; attempt++) {
      if (this.#position >= this.sizeBytes) return 0
      try {
        this.#body ??= await this.#reopen()
        const count = await this.#body.read(into)
        if (count > 0) {
          this.#position += count
          return count
        }
        throw this.#failure('unreachable', 'ended before the blob was whole')
      } catch (error) {
        this.#signal.throwIfAborted()
        if (!(error instanceof UpstreamError) || !error.transient) throw error
        await this.#close()
        const pauseMs = Math.max(attempt === 0 ? 0 : backoffMs(attempt), error.retryAfterMs ?? 0)
        if (clock.now() + pauseMs - startedAtMs >= giveUpAfterMs) throw error
        if (pauseMs > 0) await clock.sleep(pauseMs, this.#signal)
        this.#options.onResume(error)
      }
    }
  }

  async #reopen(): Promise<ByteReader> {
    const blob = await request(this.#options, this.#position, this.#signal)
    if (!blob) throw this.#failure('invalid', 'vanished in the middle of the transfer')
    if (blob.descriptor.sizeBytes !== this.sizeBytes) {
      await blob.body[Symbol.asyncDispose]()
      throw this.#failure('invalid', 'changed its size in the middle of the transfer')
    }
    return blob.body
  }

  async #close(): Promise<void> {
    const body = this.#body
    this.#body = undefined
    await body?.[Symbol.asyncDispose]()
  }

  #failure(kind: 'unreachable' | 'invalid', what: string): UpstreamError {
    const { repository, digest } = this.#options
    return new UpstreamError(repository.registry, kind, `${repository.name}@${digest} ${what}`)
  }
}

function request(
  { source, repository, digest }: ResumingReaderOptions,
  firstByte: number,
  signal: AbortSignal,
): Promise<Blob | undefined> {
  const range: RangeSpec | undefined = firstByte > 0 ? { first: firstByte } : undefined
  return source.blob(repository.name, digest, range ? { signal, range } : { signal })
}
