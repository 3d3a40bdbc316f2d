import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

const WORKER = new URL(`./checkpoint-worker${extname(import.meta.filename)}`, import.meta.url)

/** Makes a log of some MiB where each transaction touches other parts of a large database. */
const COMMITS_EACH = 256

/**
 * Brings SQLite's write-ahead log home into the database every so many commits, in a thread of its
 * own: it takes tens of milliseconds of writing and syncing, which pulls would have to wait for.
 */
export class Checkpoints implements AsyncDisposable {
  readonly #path: string
  #commits = 0
  #running: Promise<void> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Ends when the one that is under way does, if there is one. Who writes meanwhile keeps the log
   * from being started anew.
   */
  get running(): Promise<void> | undefined {
    return this.#running
  }

  /** Counts a transaction. */
  committed(): void {
    if (++this.#commits >= COMMITS_EACH) this.start()
  }

  /** Starts one, unless one is under way. What is in memory has no log. */
  start(): void {
    if (this.#path === ':memory:') return
    this.#commits = 0
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      await once(new Worker(WORKER, { workerData: this.#path }), 'exit')
    } catch {
      // Nothing is lost: what is in the log stays there until the next, as with SQLite's own.
    }
  }
}
