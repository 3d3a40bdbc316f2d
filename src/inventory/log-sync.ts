import { open } from 'node:fs/promises'
import { InventoryError } from './inventory-error.ts'

/**
 * Makes the transactions of an SQLite database durable that are committed: they are in its
 * write-ahead log, which `synchronous = normal` syncs only before it is brought home
 * (sqlite.org/wal.html, Write-Ahead Logging). Who comes while a sync is under way shares the next.
 */
export class LogSync {
  readonly #path: string
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(databasePath: string) {
    this.#path = `${databasePath}-wal`
  }

  /** Throws InventoryError. */
  sync(): Promise<void> {
    if (!this.#running) return this.#start()
    const started = () => {
      this.#next = undefined
      return this.#start()
    }
    this.#next ??= this.#running.then(started, started)
    return this.#next
  }

  #start(): Promise<void> {
    const running = syncFile(this.#path).finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}

async function syncFile(path: string): Promise<void> {
  try {
    await using file = await open(path, 'r')
    await file.datasync()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InventoryError(`cannot sync the log of the inventory: ${reason}`, { cause })
  }
}
