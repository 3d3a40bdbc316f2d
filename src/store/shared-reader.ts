import type { ByteRange } from '../oci/range.ts'
import type { BlobReader } from './blob-store.ts'
import type { SharedObject } from './shared-object.ts'
import { StoreError } from './store-error.ts'

export interface SharedReaderOptions {
  object: SharedObject
  range: ByteRange
  /** Opens what is left for this reader alone. */
  openAlone: (rest: ByteRange) => Promise<BlobReader | undefined>
}

/** Reads a shared object, and alone what others are too far ahead of. */
export class SharedReader implements BlobReader {
  readonly sizeBytes: number
  readonly #openAlone: SharedReaderOptions['openAlone']
  readonly #last: number
  #object: SharedObject | undefined
  #position: number
  #alone: BlobReader | undefined
  #isDisposed = false
  #endWait: ((error: StoreError) => void) | undefined

  constructor({ object, range, openAlone }: SharedReaderOptions) {
    this.sizeBytes = object.sizeBytes
    this.#openAlone = openAlone
    this.#position = range.first
    this.#last = range.last
    this.#object = object
    object.join()
  }

  async read(into: Uint8Array): Promise<number> {
    const leftBytes = this.#last + 1 - this.#position
    if (leftBytes === 0) return 0
    const fitting = leftBytes < into.length ? into.subarray(0, leftBytes) : into
    const count = await this.#readSome(fitting)
    this.#position += count
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#endWait?.(disposed())
    await this.#alone?.[Symbol.asyncDispose]()
    await this.#leave()
  }

  async #readSome(into: Uint8Array): Promise<number> {
    while (this.#object) {
      if (this.#isDisposed) throw disposed()
      const object = this.#object
      const count = object.copy(this.#position, into)
      if (count > 0) return count
      if (object.headBytes !== this.#position) await this.#goOnAlone()
      else if ((this.#alone = object.handOver())) this.#object = undefined
      else await this.#await(object.arrival())
    }
    if (!this.#alone) throw disposed()
    return this.#alone.read(into)
  }

  /** Waits for work that goes on for others when this reader is disposed. */
  async #await(arrival: Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#endWait = reject
    arrival.then(resolve, reject)
    await promise
  }

  async #goOnAlone(): Promise<void> {
    const alone = await this.#openAlone({ first: this.#position, last: this.#last })
    if (!alone) throw new StoreError('io', 'a blob that is being read is there no more')
    this.#alone = alone
    // Whoever disposed this reader meanwhile did not know of it.
    if (this.#isDisposed) await alone[Symbol.asyncDispose]()
    await this.#leave()
  }

  async #leave(): Promise<void> {
    const object = this.#object
    this.#object = undefined
    await object?.leave()
  }
}

function disposed(): StoreError {
  return new StoreError('io', 'the reader is disposed')
}
