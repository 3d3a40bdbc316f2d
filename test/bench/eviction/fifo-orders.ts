import type { ImageOrder, Root } from './image-cache.ts'

/** SIEVE (Zhang et al., NSDI 2024): a hand goes from old to new, and passes once over what was used. */
export class SieveOrder implements ImageOrder {
  readonly #used = new Map<Root, boolean>()
  #hand: Iterator<[Root, boolean]> = this.#used.entries()

  use(root: Root): void {
    this.#used.set(root, this.#used.has(root))
  }

  next(): Root {
    for (;;) {
      const { value, done } = this.#hand.next()
      if (done) {
        this.#hand = this.#used.entries()
        continue
      }
      const [root, wasUsed] = value
      if (root.isHeld && wasUsed) {
        this.#used.set(root, false)
        continue
      }
      this.#used.delete(root)
      if (root.isHeld) return root
    }
  }
}

/**
 * S3-FIFO (Yang et al., SOSP 2023): what is new has a small queue to be used twice in; what was
 * not leaves its name, with which it comes back into the main queue.
 */
export class S3FifoOrder implements ImageOrder {
  readonly #smallShare: number
  readonly #uses = new Map<Root, number>()
  /** With the bytes that are counted for each. */
  readonly #small = new Map<Root, number>()
  readonly #main = new Set<Root>()
  readonly #ghosts = new Set<string>()
  #smallBytes = 0

  constructor(smallShare: number) {
    this.#smallShare = smallShare
  }

  use(root: Root): void {
    const uses = this.#uses.get(root)
    this.#uses.set(root, Math.min(3, (uses ?? -1) + 1))
    if (uses === undefined && this.#ghosts.delete(root.digest)) this.#main.add(root)
    else if (uses === undefined || this.#small.has(root)) this.#count(root, root.bytes)
  }

  next({ bytes }: { bytes: number }): Root {
    for (;;) {
      const root =
        this.#smallBytes > bytes * this.#smallShare || this.#main.size === 0
          ? this.#fromSmall()
          : this.#fromMain()
      if (root) return root
    }
  }

  #fromSmall(): Root | undefined {
    const root = first(this.#small.keys())
    this.#count(root, 0)
    this.#small.delete(root)
    const uses = this.#uses.get(root) ?? 0
    if (root.isHeld && uses > 1) {
      this.#uses.set(root, 0)
      this.#main.add(root)
      return undefined
    }
    this.#uses.delete(root)
    if (!root.isHeld) return undefined
    this.#ghosts.add(root.digest)
    if (this.#ghosts.size > this.#main.size) this.#ghosts.delete(first(this.#ghosts))
    return root
  }

  #fromMain(): Root | undefined {
    const root = first(this.#main)
    this.#main.delete(root)
    const uses = this.#uses.get(root) ?? 0
    if (root.isHeld && uses > 0) {
      this.#uses.set(root, uses - 1)
      this.#main.add(root)
      return undefined
    }
    this.#uses.delete(root)
    return root.isHeld ? root : undefined
  }

  #count(root: Root, bytes: number): void {
    this.#smallBytes += bytes - (this.#small.get(root) ?? 0)
    this.#small.set(root, bytes)
  }
}

function first<T>(values: Iterable<T>): T {
  const [value] = values
  return value!
}
