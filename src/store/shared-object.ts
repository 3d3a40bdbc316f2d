import type { ByteRange } from '../oci/range.ts'
import type { BlobReader } from './blob-store.ts'
import type { Chunk, ChunkMemory } from './chunk-memory.ts'

export interface SharedObjectOptions {
  /** Of this range; disposed when the last reader has left. */
  source: BlobReader
  range: ByteRange
  memory: ChunkMemory
  /** An empty one of this memory, for the first bytes. */
  chunk: Chunk
  /** Called when the last reader has left. */
  ended: () => void
}

/**
 * An object that is received once for all who read it near one place: the last chunks of what has
 * come are in memory, and whoever is at their end has the next bytes come.
 */
export class SharedObject {
  readonly sizeBytes: number
  readonly #firstByte: number
  readonly #lastByte: number
  readonly #source: BlobReader
  readonly #memory: ChunkMemory
  readonly #ended: () => void
  /** Full ones, in order and up to the one that is being filled. */
  readonly #kept: Chunk[] = []
  #filling: Chunk
  #readers = 0
  /** Nobody joins who has not. */
  #isClosed = false
  #arriving: Promise<void> | undefined

  constructor({ source, range, memory, chunk, ended }: SharedObjectOptions) {
    this.sizeBytes = source.sizeBytes
    this.#firstByte = range.first
    this.#lastByte = range.last
    this.#source = source
    this.#memory = memory
    this.#ended = ended
    this.#filling = chunk
  }

  /** Up to where its bytes have come. */
  get headBytes(): number {
    return this.#filling.first + this.#filling.lengthBytes
  }

  /** Whether somebody can begin to read the range. */
  has({ first, last }: ByteRange): boolean {
    if (this.#isClosed || last > this.#lastByte) return false
    return first >= (this.#kept[0] ?? this.#filling).first && first <= this.headBytes
  }

  join(): void {
    this.#readers++
  }

  async leave(): Promise<void> {
    this.#readers--
    if (this.#readers > 0) return
    this.#end()
    await this.#source[Symbol.asyncDispose]()
  }

  /**
   * Gives the source, which is at `headBytes`, to a reader that is there and has been the only one
   * for so long that copying for others is in vain; then nothing is shared any more.
   */
  handOver(): BlobReader | undefined {
    const isInVain = this.headBytes - this.#firstByte >= this.#memory.capBytes / 8
    if (this.#readers > 1 || this.#arriving || !isInVain) return undefined
    this.#end()
    return this.#source
  }

  #end(): void {
    this.#isClosed = true
    this.#ended()
    for (const chunk of this.#kept) this.#memory.give(chunk)
    // Who disposes a source that is read cannot tell when it writes no more.
    if (this.#arriving) this.#memory.drop()
    else this.#memory.give(this.#filling)
  }

  /** Copies what is there from `position` on, up to the end of a chunk; 0 where nothing is. */
  copy(position: number, into: Uint8Array): number {
    const chunk =
      position >= this.#filling.first
        ? this.#filling
        : this.#kept.findLast(({ first }) => first <= position)
    if (!chunk) return 0
    const start = position - chunk.first
    const part = chunk.memory.subarray(start, Math.min(chunk.lengthBytes, start + into.length))
    into.set(part)
    return part.length
  }

  /** Resolves when more bytes are there than before; rejects when they cannot be had. */
  arrival(): Promise<void> {
    return (this.#arriving ??= this.#receive().finally(() => {
      this.#arriving = undefined
    }))
  }

  async #receive(): Promise<void> {
    if (this.#filling.lengthBytes === this.#filling.memory.length) {
      this.#kept.push(this.#filling)
      this.#memory.keep(this.#filling, () => this.#kept.shift())
      // There is some, be it what was just filled.
      this.#filling = this.#memory.take(this.headBytes)
    }
    const { memory, lengthBytes } = this.#filling
    try {
      this.#filling.lengthBytes += await this.#source.read(memory.subarray(lengthBytes))
    } catch (error) {
      this.#isClosed = true
      throw error
    }
  }
}
