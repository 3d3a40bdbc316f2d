import { InventoryError } from '../inventory/inventory-error.ts'
import type { Inventory } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'

const FLUSH_EVERY_MS = 10_000

export interface UsesOptions {
  inventory: Inventory
  clock: Clock
  events: Events
}

/** Gathers the last use of content in memory and writes it down every so often, off the way of a pull. */
export class Uses implements AsyncDisposable {
  readonly #options: UsesOptions
  readonly #abort = new AbortController()
  readonly #flushing: Promise<void>
  #pending = new Map<Digest, number>()

  constructor(options: UsesOptions) {
    this.#options = options
    this.#flushing = this.#flushRegularly()
  }

  record(digest: Digest): void {
    this.#pending.set(digest, this.#options.clock.now())
  }

  /** Writes down what was gathered; keeps it for the next time where that fails. */
  async flush(): Promise<void> {
    if (this.#pending.size === 0) return
    const gathered = this.#pending
    this.#pending = new Map()
    try {
      await this.#options.inventory.touch(
        Array.from(gathered, ([digest, atMs]) => ({ digest, atMs })),
      )
    } catch (error) {
      if (!(error instanceof InventoryError)) throw error
      this.#options.events.inventoryFailed({
        operation: 'record uses',
        digest: undefined,
        error,
      })
      this.#pending = new Map([...gathered, ...this.#pending])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#flushing
    await this.flush()
  }

  async #flushRegularly(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      await this.#options.clock.sleep(FLUSH_EVERY_MS, signal).catch(() => signal.aborted)
      await this.flush()
    }
  }
}
