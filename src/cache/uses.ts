import { InventoryError } from '../inventory/inventory-error.ts'
import type { Inventory, RepositoryId, Use } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'

const FLUSH_EVERY_MS = 10_000

export interface UsesOptions {
  inventory: Inventory
  clock: Clock
  events: Events
}

/** Gathers the last use of content through each repository in memory and writes it down every so often, off the way of a pull. */
export class Uses implements AsyncDisposable {
  readonly #options: UsesOptions
  readonly #abort = new AbortController()
  readonly #flushing: Promise<void>
  #pending = new Map<string, Use>()

  constructor(options: UsesOptions) {
    this.#options = options
    this.#flushing = this.#flushRegularly()
  }

  record(repository: RepositoryId, digest: Digest): void {
    const key = `${repository.registry}/${repository.name}@${digest}`
    this.#pending.set(key, { digest, repository, atMs: this.#options.clock.now() })
  }

  /** Writes down what was gathered; keeps it for the next time where that fails. */
  async flush(): Promise<void> {
    if (this.#pending.size === 0) return
    const gathered = this.#pending
    this.#pending = new Map()
    try {
      await this.#options.inventory.touch([...gathered.values()])
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
