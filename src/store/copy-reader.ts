import { type ByteRange, wholeRange } from '../oci/range.ts'
import type { BlobReader } from './blob-store.ts'
import { StoreError } from './store-error.ts'

/** Opens the rest of the original, when the copy has failed with `error`. */
export type GoOn = (rest: ByteRange, error: StoreError) => Promise<BlobReader | undefined>

/** Reads a copy, and when that fails goes on from the original. */
export class CopyReader implements BlobReader {
  readonly sizeBytes: number
  readonly #goOn: GoOn
  readonly #last: number
  #reader: BlobReader
  #position: number
  #isCopy = true
  #isDisposed = false

  constructor(copy: BlobReader, range: ByteRange | undefined, goOn: GoOn) {
    const { first, last } = range ?? wholeRange(copy.sizeBytes)
    this.sizeBytes = copy.sizeBytes
    this.#reader = copy
    this.#goOn = goOn
    this.#position = first
    this.#last = last
  }

  async read(into: Uint8Array): Promise<number> {
    try {
      const count = await this.#reader.read(into)
      this.#position += count
      return count
    } catch (error) {
      if (!this.#isCopy || this.#isDisposed || !(error instanceof StoreError)) throw error
      await this.#leaveCopy(error)
      return await this.#reader.read(into)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    return Promise.resolve(this.#reader[Symbol.asyncDispose]())
  }

  async #leaveCopy(error: StoreError): Promise<void> {
    const original = await this.#goOn({ first: this.#position, last: this.#last }, error)
    if (!original) throw error
    const copy = this.#reader
    this.#reader = original
    this.#isCopy = false
    await copy[Symbol.asyncDispose]()
    // Whoever disposed it meanwhile has disposed the copy alone.
    if (this.#isDisposed) await original[Symbol.asyncDispose]()
  }
}
