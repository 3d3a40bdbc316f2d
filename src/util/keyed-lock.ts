import { abortable } from './abortable.ts'

/** Lets one at a time have each key. */
export class KeyedLock<Key> {
  readonly #taken = new Map<Key, Promise<void>>()

  /** Waits until nobody else has the key, and gives it to the caller until that disposes it. Rejects with the signal's reason. */
  async acquire(key: Key, signal: AbortSignal): Promise<Disposable> {
    for (;;) {
      const taken = this.#taken.get(key)
      if (!taken) return this.#take(key)
      await abortable(taken, signal)
    }
  }

  /** `undefined` while another has the key. */
  tryAcquire(key: Key): Disposable | undefined {
    return this.#taken.has(key) ? undefined : this.#take(key)
  }

  #take(key: Key): Disposable {
    const released = Promise.withResolvers<void>()
    this.#taken.set(key, released.promise)
    return {
      [Symbol.dispose]: () => {
        this.#taken.delete(key)
        released.resolve()
      },
    }
  }
}
