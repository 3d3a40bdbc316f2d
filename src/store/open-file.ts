import * as fs from 'node:fs'
import { fileError, readError } from './file-error.ts'
import { StoreError } from './store-error.ts'

type Done<T> = (error: Error | null, value: T) => void

/**
 * An open file with positional reads and writes, any number at once. Over the callback API of
 * node:fs, because a FileHandle costs a tenth more CPU on a blob of 1 MiB. Closing waits for
 * what is under way: its descriptor's number could be another file's by then.
 */
export class OpenFile implements AsyncDisposable {
  readonly #fd: number
  readonly #path: string
  readonly #drained = Promise.withResolvers<void>()
  #pending = 0
  #closed: Promise<void> | undefined

  constructor(fd: number, path: string) {
    this.#fd = fd
    this.#path = path
  }

  async sizeBytes(): Promise<number> {
    const stats = await this.#run<fs.Stats>('stat', (done) => fs.fstat(this.#fd, done))
    return stats.size
  }

  /**
   * Reads at most `maxBytes` into the start of `into`; fewer may come, 0 at the end of the file.
   * What the disk cannot read any more is `corrupt`.
   */
  read(into: Uint8Array, maxBytes: number, position: number): Promise<number> {
    return this.#run('read', (done) => fs.read(this.#fd, into, 0, maxBytes, position, done))
  }

  /** Writes all of `bytes`; when it fails, any part of them may have been written. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    let written = 0
    while (written < bytes.length) {
      written += await this.#run<number>('write', (done) =>
        fs.write(this.#fd, bytes, written, bytes.length - written, position + written, done),
      )
    }
  }

  /** Makes content and size durable; of a folder its entries. */
  sync(): Promise<void> {
    return this.#run('sync', (done) => fs.fsync(this.#fd, (error) => done(error, undefined)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    if (this.#pending > 0) await this.#drained.promise
    await promised<void>('close', this.#path, (done) =>
      fs.close(this.#fd, (error) => done(error ?? null, undefined)),
    )
  }

  async #run<T>(verb: string, start: (done: Done<T>) => void): Promise<T> {
    if (this.#closed) throw new StoreError('io', `cannot ${verb} ${this.#path}: closed`)
    this.#pending++
    try {
      return await promised(verb, this.#path, start)
    } finally {
      this.#pending--
      if (this.#pending === 0 && this.#closed) this.#drained.resolve()
    }
  }
}

/** Opens a file with `flags` of open(2); `undefined` where there is none. */
export async function openFile(path: string, flags: number): Promise<OpenFile | undefined> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, 0o644, (error, fd) => {
      if (!error) resolve(new OpenFile(fd, path))
      else if (error.code === 'ENOENT') resolve(undefined)
      else reject(fileError(`open ${path}`, error))
    })
  })
}

function promised<T>(verb: string, path: string, start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (!error) resolve(value)
      else if (verb === 'read') reject(readError(path, error))
      else reject(fileError(`${verb} ${path}`, error))
    })
  })
}
