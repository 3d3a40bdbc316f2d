export interface BufferPoolOptions {
  /** Size of a pooled buffer; 256 to 512 KiB fits the L2 cache and wins over larger and smaller. */
  chunkBytes: number
  /** Size of a buffer that is given out when the pool is used up. */
  smallBytes: number
  /** What pooled buffers may take together. */
  capBytes: number
  /** How much of it is in use when there are no more buffers to read ahead with. */
  aheadBytes: number
}

/**
 * Buffers that are used again and again, up to a cap. Past the cap nobody waits, since those who
 * hold buffers may be clients that crawl: small buffers are made that nobody keeps.
 */
export class BufferPool {
  readonly #options: BufferPoolOptions
  readonly #free: Buffer[] = []
  #pooledBytes = 0

  constructor(options: BufferPoolOptions) {
    this.#options = options
  }

  take(): Buffer {
    const { chunkBytes, smallBytes, capBytes } = this.#options
    const free = this.#free.pop()
    if (free) return free
    if (this.#pooledBytes + chunkBytes > capBytes) return Buffer.allocUnsafeSlow(smallBytes)
    this.#pooledBytes += chunkBytes
    return Buffer.allocUnsafeSlow(chunkBytes)
  }

  /**
   * A second buffer to read ahead with. Few clients gain by it; many read for each other, and what
   * they would read ahead only drives what they write out of the CPU's caches.
   */
  takeAhead(): Buffer | undefined {
    const { chunkBytes, aheadBytes } = this.#options
    const usedBytes = this.#pooledBytes - this.#free.length * chunkBytes
    return usedBytes < aheadBytes ? this.take() : undefined
  }

  /** Takes back a buffer that nothing writes to or reads from any more. */
  give(buffer: Buffer): void {
    if (this.#isPooled(buffer)) this.#free.push(buffer)
  }

  /** Gives up a buffer that a read or write may still be using. */
  drop(buffer: Buffer): void {
    if (this.#isPooled(buffer)) this.#pooledBytes -= this.#options.chunkBytes
  }

  #isPooled(buffer: Buffer): boolean {
    return buffer.length === this.#options.chunkBytes
  }
}
