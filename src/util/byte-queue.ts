/** Bytes first in, first out, in memory of its own that is used again and grows as it must. */
export class ByteQueue {
  #store = Buffer.alloc(0)
  #start = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Copies all of `bytes`. */
  push(bytes: Uint8Array): void {
    const end = this.#start + this.#length
    if (end + bytes.length > this.#store.length) this.#makeRoom(this.#length + bytes.length)
    this.#store.set(bytes, this.#start + this.#length)
    this.#length += bytes.length
  }

  /** Moves what fits into `into`; returns how many bytes that were. */
  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#length)
    this.#store.copy(into, 0, this.#start, this.#start + count)
    this.#length -= count
    this.#start = this.#length === 0 ? 0 : this.#start + count
    return count
  }

  clear(): void {
    this.#store = Buffer.alloc(0)
    this.#start = 0
    this.#length = 0
  }

  #makeRoom(neededBytes: number): void {
    const from = this.#store
    if (neededBytes > from.length) {
      this.#store = Buffer.allocUnsafeSlow(Math.max(neededBytes, from.length * 2))
    }
    from.copy(this.#store, 0, this.#start, this.#start + this.#length)
    this.#start = 0
  }
}
