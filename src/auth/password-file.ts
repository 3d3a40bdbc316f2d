import { readFile, stat } from 'node:fs/promises'
import type { LoginEvents } from '../telemetry/login-events.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { parseHtpasswd } from './htpasswd.ts'

export interface PasswordFileOptions {
  path: string
  clock: Clock
  events: LoginEvents
}

/** The file of passwords cannot be read at all. */
export class UnreadPasswordsError extends Error {
  override readonly name = 'UnreadPasswordsError'
}

type Entries = ReadonlyMap<string, string>

/** How long it is believed that the file has not changed. */
const LOOK_EVERY_MS = 1_000

/** Users and their hashes, as a file has them now. */
export class PasswordFile {
  readonly #options: PasswordFileOptions
  #entries: Entries
  #version: string
  #lookedAtMs: number

  private constructor(options: PasswordFileOptions, entries: Entries, version: string) {
    this.#options = options
    this.#entries = entries
    this.#version = version
    this.#lookedAtMs = options.clock.now()
  }

  /** Throws as readPasswords. */
  static async open(options: PasswordFileOptions): Promise<PasswordFile> {
    const version = await versionOf(options.path)
    return new PasswordFile(options, await readPasswords(options.path), version)
  }

  /** A file that has become wrong, or is gone, is told once; what it was before holds on. */
  async entries(): Promise<Entries> {
    const { path, clock, events } = this.#options
    if (isWithin(clock.now(), this.#lookedAtMs, LOOK_EVERY_MS)) return this.#entries
    this.#lookedAtMs = clock.now()
    const version = await versionOf(path)
    if (version === this.#version) return this.#entries
    // Before it is read: a change meanwhile is to be seen the next time.
    this.#version = version
    try {
      const entries = await readPasswords(path)
      // Who was slow to read it would bring back what is there no more.
      if (this.#version !== version) return this.#entries
      this.#entries = entries
      events.passwordsRead({ file: path, users: entries.size })
    } catch (error) {
      events.passwordsKept({ file: path, error })
    }
    return this.#entries
  }
}

/** Throws UnreadPasswordsError where it cannot be read, and HtpasswdError where it is wrong. */
export async function readPasswords(path: string): Promise<Entries> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const message = `cannot read ${path} (${(cause as NodeJS.ErrnoException).code})`
    throw new UnreadPasswordsError(message, { cause })
  }
  return parseHtpasswd(text, path)
}

/** Changes with the file; `ctime` does so even where the time of the last write was set back. */
async function versionOf(path: string): Promise<string> {
  try {
    const { ino, size, ctimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${ctimeNs}`
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
