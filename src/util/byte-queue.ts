/** Bytes first in, first out, in a ring of memory of its own that grows as it must. */
export class ByteQueue {
  #ring = Buffer.alloc(0)
  #start = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Copies all of `bytes`. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#length + bytes.length > this.#ring.length) this.#grow(this.#length + bytes.length)
    const end = (this.#start + this.#length) % this.#ring.length
    const untilWrap = this.#ring.length - end
    this.#ring.set(bytes.subarray(0, untilWrap), end)
    if (bytes.length > untilWrap) this.#ring.set(bytes.subarray(untilWrap), 0)
    this.#length += bytes.length
  }

  /** Moves what fits into `into`; returns how many bytes that were. */
  take(into: Uint8Array): number {
    const count = this.#copyTo(into)
    this.#length -= count
    this.#start = this.#length === 0 ? 0 : (this.#start + count) % this.#ring.length
    return count
  }

  clear(): void {
    this.#ring = Buffer.alloc(0)
    this.#start = 0
    this.#length = 0
  }

  #copyTo(into: Uint8Array): number {
    const count = Math.min(into.length, this.#length)
    const beforeWrap = this.#ring.copy(into, 0, this.#start, this.#start + count)
    if (beforeWrap < count) this.#ring.copy(into, beforeWrap, 0, count - beforeWrap)
    return count
  }

  #grow(neededBytes: number): void {
    const ring = Buffer.allocUnsafeSlow(Math.max(neededBytes, this.#ring.length * 2))
    this.#copyTo(ring)
    this.#ring = ring
    this.#start = 0
  }
}
