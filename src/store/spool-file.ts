import { rename } from 'node:fs/promises'
import { fileResult } from './file-error.ts'
import type { OpenFile } from './open-file.ts'
import type { Spool } from './spool.ts'
import { StoreError } from './store-error.ts'

/** Where a spool's file is when its owner lets it go. */
export interface LetGo {
  path: string
  isMoved: boolean
}

/** A spool in an open file, which it takes over with what is in it. */
export class SpoolFile implements Spool {
  readonly #file: OpenFile
  readonly #letGo: (spool: LetGo) => Promise<void>
  #path: string
  #sizeBytes: number
  #isMoved = false

  /** `letGo` comes when it is disposed, and closed. */
  constructor(
    path: string,
    file: OpenFile,
    sizeBytes: number,
    letGo: (spool: LetGo) => Promise<void>,
  ) {
    this.#path = path
    this.#file = file
    this.#sizeBytes = sizeBytes
    this.#letGo = letGo
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
      await this.#letGo({ path: this.#path, isMoved: this.#isMoved })
    }
  }
}
