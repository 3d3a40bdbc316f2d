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
  #flushed = Promise.resolve()
  /** By content: few repositories use the same at a time. */
  #pending = new Map<Digest, Use[]>()
  /** What is being written down. */
  #written = new Map<Digest, Use[]>()

  constructor(options: UsesOptions) {
    this.#options = options
    this.#flushing = this.#flushRegularly()
  }

  record(repository: RepositoryId, digest: Digest): void {
    const atMs = this.#options.clock.now()
    const uses = this.#pending.get(digest)
    const known = uses?.find((use) => isSame(use.repository, repository))
    if (known) known.atMs = atMs
    else if (uses) uses.push({ digest, repository, atMs })
    else this.#pending.set(digest, [{ digest, repository, atMs }])
  }

  /** True while a use of the content is not written down. */
  isPending(digest: Digest): boolean {
    return this.#pending.has(digest) || this.#written.has(digest)
  }

  /** Writes down what was gathered; keeps it for the next time where that fails. */
  async flush(): Promise<void> {
    this.#flushed = this.#flushed.then(() => this.#flush())
    await this.#flushed
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

  async #flush(): Promise<void> {
    if (this.#pending.size === 0) return
    this.#written = this.#pending
    this.#pending = new Map()
    const uses = [...this.#written.values()].flat()
    try {
      await this.#options.inventory.touch(uses)
    } catch (error) {
      if (!(error instanceof InventoryError)) throw error
      this.#options.events.inventoryFailed({
        operation: 'record uses',
        digest: undefined,
        error,
      })
      this.#putBack(uses)
    } finally {
      this.#written = new Map()
    }
  }

  /** Those that came meanwhile are later. */
  #putBack(uses: Use[]): void {
    for (const use of uses) {
      const later = this.#pending.get(use.digest) ?? []
      if (later.some(({ repository }) => isSame(repository, use.repository))) continue
      this.#pending.set(use.digest, [...later, use])
    }
  }
}

function isSame(a: RepositoryId, b: RepositoryId): boolean {
  return a.name === b.name && a.registry === b.registry
}
