import { constants } from 'node:fs'
import { mkdir, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../util/clock.ts'
import { fileResult, fileResultIfPresent } from './file-error.ts'
import { openFile, type OpenFile } from './open-file.ts'
import type { Leftover, Leftovers } from './leftovers.ts'
import type { Spool } from './spool.ts'
import { SpoolFile } from './spool-file.ts'
import { StoreError } from './store-error.ts'

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL

/** Who has not added to an upload for so long does not come back. */
const ABANDONED_AFTER_MS = 24 * 60 * 60_000

/**
 * What clients push piece by piece: files of one folder that outlive requests and restarts, and
 * that only `remove` and time remove. Ids are names of files; the caller makes sure of that.
 */
export class UploadFolder implements Leftovers {
  readonly #folder: string
  readonly #clock: Clock

  constructor(folder: string, clock: Clock) {
    this.#folder = folder
    this.#clock = clock
  }

  /** A new, empty upload. The caller disposes the spool, which leaves the bytes where they are. */
  async create(id: string): Promise<Spool> {
    const path = this.#pathOf(id)
    const file = (await openFile(path, NEW)) ?? (await this.#createFirst(path))
    return spoolIn(path, file, 0)
  }

  /** What was appended to it, to go on with; as with `create`. `undefined` where there is none. */
  async open(id: string): Promise<Spool | undefined> {
    const path = this.#pathOf(id)
    const file = await openFile(path, constants.O_RDWR)
    if (!file) return undefined
    try {
      return spoolIn(path, file, await file.sizeBytes())
    } catch (cause) {
      await file[Symbol.asyncDispose]()
      throw cause
    }
  }

  /** Idempotent. */
  async remove(id: string): Promise<void> {
    const path = this.#pathOf(id)
    await fileResultIfPresent(`remove ${path}`, unlink(path))
  }

  async leftovers(): Promise<Leftover[]> {
    const reading = readdir(this.#folder)
    const names = (await fileResultIfPresent(`list ${this.#folder}`, reading)) ?? []
    const left: Leftover[] = []
    for (const name of names) {
      const path = this.#pathOf(name)
      const stats = await fileResultIfPresent(`stat ${path}`, stat(path))
      if (!stats || this.#clock.now() - stats.mtimeMs < ABANDONED_AFTER_MS) continue
      left.push({ name, sizeBytes: stats.size, reason: 'an upload that nobody goes on with' })
    }
    return left
  }

  removeLeftover(name: string): Promise<void> {
    return this.remove(name)
  }

  async #createFirst(path: string): Promise<OpenFile> {
    await fileResult(`make ${this.#folder}`, mkdir(this.#folder, { recursive: true }))
    const file = await openFile(path, NEW)
    if (!file) throw new StoreError('io', `cannot make an upload: no folder ${this.#folder}`)
    return file
  }

  #pathOf(id: string): string {
    return join(this.#folder, id)
  }
}

function spoolIn(path: string, file: OpenFile, sizeBytes: number): Spool {
  return new SpoolFile(path, file, sizeBytes, () => Promise.resolve())
}
