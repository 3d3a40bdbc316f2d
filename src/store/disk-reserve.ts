import { randomBytes } from 'node:crypto'
import { rm, stat, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { fileResult, fileResultIfPresent } from './file-error.ts'

/**
 * Space that is kept from everybody in a file of its own, to be given up when the disk is full:
 * who frees space has to write down what goes. Failures are StoreErrors.
 */
export class DiskReserve {
  readonly sizeBytes: number
  readonly #path: string
  #isTaken = false
  #last: Promise<void> = Promise.resolve()

  constructor(path: string, sizeBytes: number) {
    this.#path = path
    this.sizeBytes = sizeBytes
  }

  /** Takes the space where it is not taken. */
  take(): Promise<void> {
    return this.#isTaken ? Promise.resolve() : this.#inTurn(() => this.#take())
  }

  release(): Promise<void> {
    return this.#inTurn(async () => {
      this.#isTaken = false
      await fileResult(`remove ${this.#path}`, rm(this.#path, { force: true }))
    })
  }

  async #take(): Promise<void> {
    const found = await fileResultIfPresent(`stat ${this.#path}`, stat(this.#path))
    if (found?.size !== this.sizeBytes) {
      // Zeros would take no space where the file system compresses.
      const bytes = await promisify(randomBytes)(this.sizeBytes)
      await this.#write(bytes)
    }
    this.#isTaken = true
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await fileResult(`write ${this.#path}`, writeFile(this.#path, bytes))
    } catch (cause) {
      await fileResult(`remove ${this.#path}`, rm(this.#path, { force: true }))
      throw cause
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }
}
