import type { Hash } from 'node:crypto'
import { readExactly, type ByteReader } from '../util/byte-reader.ts'

/** The end of a blob that no client gets before the digest of the whole is verified. */
export const HELD_BACK_BYTES = 4096

/** Where the held back end of a blob of `sizeBytes` begins. */
export function heldBackFrom(sizeBytes: number): number {
  return Math.max(0, sizeBytes - HELD_BACK_BYTES)
}

export interface VerifyingReaderOptions {
  sizeBytes: number
  /** Where the inner reader stands in the blob; not inside its held back end. */
  position: number
  /** Has been fed everything before `position`. */
  hash: Hash
  /** Throws where the hash, fed with the whole blob, is not the right one. */
  verify: (hash: Hash) => void
}

/** Reads a blob to its end and gives out the last bytes only when the whole is verified. */
export class VerifyingReader implements ByteReader {
  readonly #inner: ByteReader
  readonly #options: VerifyingReaderOptions
  #position: number
  #end: Uint8Array | undefined

  constructor(inner: ByteReader, options: VerifyingReaderOptions) {
    this.#inner = inner
    this.#options = options
    this.#position = options.position
  }

  async read(into: Uint8Array): Promise<number> {
    const open = heldBackFrom(this.#options.sizeBytes) - this.#position
    if (open > 0) return this.#pass(into.subarray(0, open))
    this.#end ??= await this.#readEnd()
    const part = this.#end.subarray(0, into.length)
    into.set(part)
    this.#end = this.#end.subarray(part.length)
    return part.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }

  async #pass(into: Uint8Array): Promise<number> {
    const count = await this.#inner.read(into)
    this.#options.hash.update(into.subarray(0, count))
    this.#position += count
    return count
  }

  async #readEnd(): Promise<Uint8Array> {
    const end = await readExactly(this.#inner, this.#options.sizeBytes - this.#position)
    this.#options.verify(this.#options.hash.update(end))
    return end
  }
}
