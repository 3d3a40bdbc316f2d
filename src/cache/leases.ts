import type { Digest } from '../oci/digest.ts'
import { KeyedLock } from '../util/keyed-lock.ts'

/**
 * Who has content in hand: readers, for whose sake it is not evicted, and who puts or removes it,
 * which only one does at a time, so that bytes and facts change together.
 */
export class Leases {
  readonly #readers = new Map<Digest, number>()
  readonly #changes = new KeyedLock<Digest>()

  /** Any number may read the same content. */
  read(digest: Digest): Disposable {
    this.#readers.set(digest, (this.#readers.get(digest) ?? 0) + 1)
    return {
      [Symbol.dispose]: () => {
        const left = (this.#readers.get(digest) ?? 0) - 1
        if (left > 0) this.#readers.set(digest, left)
        else this.#readers.delete(digest)
      },
    }
  }

  isRead(digest: Digest): boolean {
    return this.#readers.has(digest)
  }

  /** Waits until nobody else changes the content. Rejects with the signal's reason. */
  change(digest: Digest, signal: AbortSignal): Promise<Disposable> {
    return this.#changes.acquire(digest, signal)
  }

  /** `undefined` while another changes the content. */
  tryChange(digest: Digest): Disposable | undefined {
    return this.#changes.tryAcquire(digest)
  }
}
