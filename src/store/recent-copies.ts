import type { Digest } from '../oci/digest.ts'

/** Which copies there are, and in what order they were read. */
export class RecentCopies {
  /** Sizes; what was read longest ago comes first. */
  readonly #sizes = new Map<Digest, number>()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get entries(): number {
    return this.#sizes.size
  }

  has(digest: Digest): boolean {
    return this.#sizes.has(digest)
  }

  /** Adds one that was just read, or is about to be. */
  add(digest: Digest, sizeBytes: number): void {
    this.delete(digest)
    this.#sizes.set(digest, sizeBytes)
    this.#bytes += sizeBytes
  }

  /** It is read now; gives its size. */
  touch(digest: Digest): number | undefined {
    const sizeBytes = this.#sizes.get(digest)
    if (sizeBytes === undefined) return undefined
    this.#sizes.delete(digest)
    this.#sizes.set(digest, sizeBytes)
    return sizeBytes
  }

  delete(digest: Digest): void {
    this.#bytes -= this.#sizes.get(digest) ?? 0
    this.#sizes.delete(digest)
  }

  /** Takes out what was read longest ago, so many bytes at least, where there are as many. */
  takeColdest(bytes: number): Digest[] {
    const taken: Digest[] = []
    let takenBytes = 0
    for (const [digest, sizeBytes] of this.#sizes) {
      if (takenBytes >= bytes) break
      taken.push(digest)
      takenBytes += sizeBytes
      this.delete(digest)
    }
    return taken
  }
}
