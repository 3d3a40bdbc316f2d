import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { SingleFlight } from '../util/single-flight.ts'
import { askProgram, programName, TOKEN_USER } from './credential-program.ts'
import {
  type CredentialProvider,
  type Credentials,
  CredentialsError,
  isSame,
} from './credentials.ts'

export interface ProgramCredentialsOptions {
  /** Without `docker-credential-` in front. */
  helper: string
  /** The registry, as docker calls it. */
  server: string
  /** What it means that the helper has none. */
  whenAbsent: 'fail' | 'anonymous'
  /** For events. */
  upstream: string
  clock: Clock
  events?: Pick<Events, 'credentialsKept'>
  /** How old they may become. */
  maxAgeMs?: number
  /** How long a helper may take. */
  timeoutMs?: number
}

/** The helper is not run more often than this to renew what was refused or could not be had. */
const PAUSE_MS = 10_000

/**
 * Credentials of a credential helper. While the helper fails those of before are used on; when
 * the registry takes these no more either, its failure is told.
 */
export class ProgramCredentials implements CredentialProvider {
  readonly #options: ProgramCredentialsOptions
  readonly #flights = new SingleFlight<Credentials | undefined>()
  readonly #ending = new AbortController()
  #known: { credentials: Credentials | undefined } | undefined
  #askedAtMs = -Infinity
  /** How long what is known is used without asking again. */
  #goodForMs = 0

  constructor(options: ProgramCredentialsOptions) {
    this.#options = options
  }

  get label(): string {
    const { helper } = this.#options
    const username = this.#known?.credentials?.username ?? TOKEN_USER
    return username === TOKEN_USER ? programName(helper) : username
  }

  async get(signal: AbortSignal): Promise<Credentials | undefined> {
    const known = this.#known
    if (known && this.#hasAskedWithin(this.#goodForMs)) return known.credentials
    try {
      return await this.#ask(signal)
    } catch (error) {
      if (!known || !(error instanceof CredentialsError)) throw error
      const { upstream, events } = this.#options
      this.#goodForMs = PAUSE_MS
      events?.credentialsKept({ upstream, error })
      return known.credentials
    }
  }

  async renew(refused: Credentials, signal: AbortSignal): Promise<Credentials | undefined> {
    const known = this.#known?.credentials
    if (!isSame(refused, known)) return known
    if (this.#hasAskedWithin(PAUSE_MS)) return undefined
    const credentials = await this.#ask(signal)
    return isSame(refused, credentials) ? undefined : credentials
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('stopped'))
    return Promise.resolve()
  }

  #hasAskedWithin(forMs: number): boolean {
    return isWithin(this.#options.clock.now(), this.#askedAtMs, forMs)
  }

  async #ask(caller: AbortSignal): Promise<Credentials | undefined> {
    const { helper, server, whenAbsent, clock } = this.#options
    const { maxAgeMs = 300_000, timeoutMs = 20_000 } = this.#options
    const { value } = await this.#flights.run('get', caller, async () => {
      const asked = askProgram({ helper, server, timeoutMs, signal: this.#ending.signal })
      const credentials = await asked.finally(() => (this.#askedAtMs = clock.now()))
      if (!credentials && whenAbsent === 'fail') {
        throw new CredentialsError(`${programName(helper)} has no credentials for ${server}`)
      }
      this.#known = { credentials }
      this.#goodForMs = maxAgeMs
      return credentials
    })
    return value
  }
}
