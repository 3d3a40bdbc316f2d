/** Bytes of a blob in memory, from `first` on. */
export interface Chunk {
  readonly memory: Buffer
  first: number
  lengthBytes: number
}

export interface ChunkMemoryOptions {
  chunkBytes: number
  /** What all chunks may take together. */
  capBytes: number
}

/** Memory for chunks: where it is used up, that of the chunk that is kept longest is given away. */
export class ChunkMemory {
  readonly capBytes: number
  readonly #chunkBytes: number
  readonly #maxChunks: number
  readonly #free: Buffer[] = []
  /** With who is to forget them. */
  readonly #kept = new Map<Chunk, () => void>()
  #chunks = 0

  constructor({ chunkBytes, capBytes }: ChunkMemoryOptions) {
    this.capBytes = capBytes
    this.#chunkBytes = chunkBytes
    this.#maxChunks = Math.floor(capBytes / chunkBytes)
  }

  /** Whether all of it is in chunks that are not kept, so that none can be taken. */
  get isUsedUp(): boolean {
    return this.#chunks === this.#maxChunks && this.#free.length === 0 && this.#kept.size === 0
  }

  /** Throws RangeError where it is used up. */
  take(first: number): Chunk {
    const memory = this.#free.pop() ?? this.#allocate() ?? this.#takeAway()
    if (!memory) throw new RangeError('all memory for chunks is used')
    return { memory, first, lengthBytes: 0 }
  }

  /** Keeps a chunk that is full until somebody else needs its memory, which `forget` is told. */
  keep(chunk: Chunk, forget: () => void): void {
    this.#kept.set(chunk, forget)
  }

  /** Takes back the memory of a chunk that nothing is written to any more. */
  give(chunk: Chunk): void {
    this.#kept.delete(chunk)
    this.#free.push(chunk.memory)
  }

  /** Gives up memory that may still be written to. */
  drop(): void {
    this.#chunks--
  }

  #allocate(): Buffer | undefined {
    if (this.#chunks === this.#maxChunks) return undefined
    this.#chunks++
    return Buffer.allocUnsafeSlow(this.#chunkBytes)
  }

  #takeAway(): Buffer | undefined {
    for (const [chunk, forget] of this.#kept) {
      this.#kept.delete(chunk)
      forget()
      return chunk.memory
    }
    return undefined
  }
}
