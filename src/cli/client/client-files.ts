import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse as parseToml } from 'smol-toml'

/** A file of a client that cannot be read, or not be understood. */
export class ClientFileError extends Error {
  override readonly name = 'ClientFileError'
  /** What to do about it. */
  readonly fix: string

  constructor(message: string, fix: string, options?: ErrorOptions) {
    super(message, options)
    this.fix = fix
  }
}

/** The files of clients, of this machine or of one that is mounted somewhere. */
export class ClientFiles {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  pathOf(path: string): string {
    return join(this.#root, path)
  }

  /** `undefined` where there is no such file. Throws ClientFileError. */
  async toml(path: string): Promise<object | undefined> {
    return this.#parsed(path, parseToml)
  }

  /** `undefined` where there is no such file. Throws ClientFileError. */
  async json(path: string): Promise<object | undefined> {
    return this.#parsed(path, (text) => JSON.parse(text) as object)
  }

  /** What is in a folder, in order; nothing where there is none. Throws ClientFileError. */
  async names(path: string): Promise<string[]> {
    const names = await this.#read(path, (at) => readdir(at))
    return names?.toSorted() ?? []
  }

  async #parsed(path: string, parse: (text: string) => object): Promise<object | undefined> {
    const text = await this.#read(path, (at) => readFile(at, 'utf8'))
    if (text === undefined) return undefined
    try {
      return parse(text)
    } catch (cause) {
      const [reason] = cause instanceof Error ? cause.message.split('\n') : []
      const fix = 'correct it: its client cannot use it either'
      throw new ClientFileError(`${this.pathOf(path)} is not understood: ${reason}`, fix, { cause })
    }
  }

  async #read<T>(path: string, read: (path: string) => Promise<T>): Promise<T | undefined> {
    const at = this.pathOf(path)
    try {
      return await read(at)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      const fix = 'ask as root, or as whoever runs the client'
      throw new ClientFileError(`${at} cannot be read (${code})`, fix, { cause })
    }
  }
}

/** What stands at the end of keys in what somebody else has written; `undefined` where nothing does. */
export function valueAt(value: unknown, ...keys: string[]): unknown {
  const [key, ...rest] = keys
  if (key === undefined) return value
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, key)
    ? valueAt((value as Record<string, unknown>)[key], ...rest)
    : undefined
}

/** The texts of a list; nothing where it is none. */
export function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** The tables of a list; nothing where it is none. */
export function tablesIn(value: unknown): object[] {
  if (!Array.isArray(value)) return []
  return value.filter((item): item is object => typeof item === 'object' && item !== null)
}
