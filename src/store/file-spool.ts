import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { fileResult, fileResultIfPresent } from './file-error.ts'
import { openFile, type OpenFile } from './open-file.ts'
import type { Leftover, Leftovers } from './leftovers.ts'
import type { Spool, SpoolFolder } from './spool.ts'
import { StoreError } from './store-error.ts'

const SUFFIX = '.spool'

/** Spools as files of one folder, which has to be on the file system of the store that takes them. */
export class FileSpoolFolder implements SpoolFolder, Leftovers {
  readonly #folder: string
  /** Names of those whose owners have not disposed them. */
  readonly #owned = new Set<string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder and removes the spools that a crash left; called before the first `create`. */
  async clear(): Promise<void> {
    await fileResult(`make ${this.#folder}`, mkdir(this.#folder, { recursive: true }))
    for (const { name } of await this.leftovers()) await this.removeLeftover(name)
  }

  async create(digest: Digest): Promise<Spool> {
    const name = `${digest.replace(':', '-')}.${randomBytes(8).toString('hex')}${SUFFIX}`
    const path = join(this.#folder, name)
    // Before the file is there, so that nobody takes it for one that is left.
    this.#owned.add(name)
    const disown = () => this.#owned.delete(name)
    try {
      const file = await openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL)
      if (!file) throw new StoreError('io', `cannot make a spool: no folder ${this.#folder}`)
      return new FileSpool(path, file, disown)
    } catch (cause) {
      disown()
      throw cause
    }
  }

  async leftovers(): Promise<Leftover[]> {
    const names = await fileResult(`list ${this.#folder}`, readdir(this.#folder))
    const left: Leftover[] = []
    for (const name of names) {
      if (!name.endsWith(SUFFIX) || this.#owned.has(name)) continue
      const path = join(this.#folder, name)
      const stats = await fileResultIfPresent(`stat ${path}`, stat(path))
      if (stats) left.push({ name, sizeBytes: stats.size, reason: 'a spool without a fill' })
    }
    return left
  }

  async removeLeftover(name: string): Promise<void> {
    await removeFile(join(this.#folder, name))
  }
}

class FileSpool implements Spool {
  readonly #file: OpenFile
  readonly #disown: () => void
  #path: string
  #sizeBytes = 0
  #isMoved = false

  constructor(path: string, file: OpenFile, disown: () => void) {
    this.#path = path
    this.#file = file
    this.#disown = disown
  }

  get path(): string {
    return this.#path
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#sizeBytes)
    this.#sizeBytes += bytes.length
  }

  async readAt(into: Uint8Array, position: number): Promise<number> {
    const maxBytes = Math.min(into.length, this.#sizeBytes - position)
    if (maxBytes <= 0) return 0
    const count = await this.#file.read(into, maxBytes, position)
    if (count === 0) throw new StoreError('corrupt', `${this.#path} was cut at ${position} bytes`)
    return count
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  async moveTo(path: string): Promise<void> {
    await fileResult(`move ${this.#path} to ${path}`, rename(this.#path, path))
    this.#path = path
    this.#isMoved = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#file[Symbol.asyncDispose]()
    } finally {
      this.#disown()
      if (!this.#isMoved) await removeFile(this.#path)
    }
  }
}

function removeFile(path: string): Promise<void> {
  return fileResult(`remove ${path}`, rm(path, { force: true }))
}
