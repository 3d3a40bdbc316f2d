import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { fileResult, fileResultIfPresent } from './file-error.ts'
import { openFile } from './open-file.ts'
import type { Leftover, Leftovers } from './leftovers.ts'
import type { Spool, SpoolFolder } from './spool.ts'
import { SpoolFile } from './spool-file.ts'
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
      return new SpoolFile(path, file, 0, async (spool) => {
        disown()
        if (!spool.isMoved) await removeFile(spool.path)
      })
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

function removeFile(path: string): Promise<void> {
  return fileResult(`remove ${path}`, rm(path, { force: true }))
}
