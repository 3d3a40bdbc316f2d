import { readFile, stat } from 'node:fs/promises'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { TOKEN_USER } from './credential-program.ts'
import {
  type CredentialProvider,
  type Credentials,
  CredentialsError,
  isSame,
} from './credentials.ts'
import { type DockerConfig, entryFor, parseDockerConfig } from './docker-config.ts'
import { ProgramCredentials } from './program-credentials.ts'

export interface DockerConfigOptions {
  path: string
  /** The registry, as docker calls it. */
  server: string
  /** For events. */
  upstream: string
  clock: Clock
  events?: Pick<Events, 'credentialsKept'>
}

/**
 * Credentials as a docker `config.json` tells them: those of a helper for the registry, of the
 * store for all, or its own. It is read again whenever it has changed.
 */
export class DockerConfigCredentials implements CredentialProvider {
  readonly #options: DockerConfigOptions
  readonly #helpers = new Map<string, ProgramCredentials>()
  #file: { version: string; config: DockerConfig } | undefined
  #last: Credentials | undefined | 'unknown' = 'unknown'

  constructor(options: DockerConfigOptions) {
    this.#options = options
  }

  get label(): string {
    if (this.#last === undefined) return 'anonymous'
    if (this.#last === 'unknown' || this.#last.username === TOKEN_USER) return 'docker config'
    return this.#last.username
  }

  async get(signal: AbortSignal): Promise<Credentials | undefined> {
    const config = await this.#read()
    const own = entryFor(config.auths, this.#options.server)
    this.#last = (await this.#helperOf(config)?.get(signal)) ?? own
    return this.#last
  }

  async renew(refused: Credentials, signal: AbortSignal): Promise<Credentials | undefined> {
    const current = await this.get(signal)
    if (!isSame(refused, current)) return current
    const renewed = await this.#helperOf(await this.#read())?.renew(refused, signal)
    if (renewed) this.#last = renewed
    return renewed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const helper of this.#helpers.values()) await helper[Symbol.asyncDispose]()
  }

  #helperOf({ credHelpers, credsStore }: DockerConfig): ProgramCredentials | undefined {
    const name = entryFor(credHelpers, this.#options.server) ?? credsStore
    if (name === undefined) return undefined
    const known = this.#helpers.get(name)
    if (known) return known
    const helper = new ProgramCredentials({
      ...this.#options,
      helper: name,
      whenAbsent: 'anonymous',
    })
    this.#helpers.set(name, helper)
    return helper
  }

  async #read(): Promise<DockerConfig> {
    const { path } = this.#options
    try {
      const { mtimeMs, size, ino } = await stat(path)
      const version = `${mtimeMs} ${size} ${ino}`
      if (this.#file?.version === version) return this.#file.config
      const config = parseDockerConfig(await readFile(path, 'utf8'))
      this.#file = { version, config }
      return config
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      const what = cause instanceof CredentialsError ? message : `cannot be read (${code})`
      throw new CredentialsError(`${path} ${what}`, { cause })
    }
  }
}
