import type { ByteRange } from '../oci/range.ts'
import type { ByteReader } from '../util/byte-reader.ts'

/** What a follower needs of the fill it follows. */
export interface Leader {
  /** How far it may read now. Throws why there will be no more, where the fill has failed. */
  visibleBytes(): number
  /** Every byte is here and the digest is right. */
  readonly isVerified: boolean
  /** The spool will not grow; the rest is to be had by `bypass`. */
  readonly isBypassed: boolean
  readSpool(into: Uint8Array, position: number): Promise<number>
  /** The blob from `firstByte` on, past the cache. */
  bypass(firstByte: number, signal: AbortSignal): Promise<ByteReader>
  unfollow(follower: Follower): Promise<void>
}

/** One client's reader behind the writer of a fill. */
export class Follower implements ByteReader {
  readonly #fill: Leader
  readonly #range: ByteRange
  readonly #disposed = new AbortController()
  /** Aborted when its client leaves and when it is disposed. */
  readonly #signal: AbortSignal
  #position: number
  #bypass: ByteReader | undefined
  #reading: Promise<number> | undefined
  #wake: (() => void) | undefined

  constructor(fill: Leader, range: ByteRange, signal: AbortSignal) {
    this.#fill = fill
    this.#range = range
    this.#signal = AbortSignal.any([signal, this.#disposed.signal])
    this.#signal.addEventListener('abort', this.wake)
    this.#position = range.first
  }

  async read(into: Uint8Array): Promise<number> {
    const remaining = this.#range.last + 1 - this.#position
    if (remaining <= 0 && !this.#isEmptyBlob) return 0
    this.#reading = this.#readSome(into.subarray(0, remaining))
    const count = await this.#reading
    this.#position += count
    return count
  }

  /** Tells it that the fill has something new. */
  readonly wake = (): void => {
    this.#wake?.()
    this.#wake = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new Error('the reader is disposed'))
    // The spool must stay open under a read that is on its way; whoever reads gets its error.
    await Promise.allSettled([this.#reading])
    try {
      await this.#bypass?.[Symbol.asyncDispose]()
    } finally {
      await this.#fill.unfollow(this)
    }
  }

  /** An empty blob has an end to wait for as well: its digest may be wrong. */
  get #isEmptyBlob(): boolean {
    return this.#range.last < 0
  }

  async #readSome(into: Uint8Array): Promise<number> {
    for (;;) {
      this.#signal.throwIfAborted()
      if (this.#bypass) return this.#bypass.read(into)
      const visible = this.#fill.visibleBytes() - this.#position
      if (visible > 0) return this.#fill.readSpool(into.subarray(0, visible), this.#position)
      if (this.#fill.isVerified) return 0
      if (this.#fill.isBypassed) {
        this.#bypass = await this.#fill.bypass(this.#position, this.#signal)
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    }
  }
}
