import { createHmac, randomBytes } from 'node:crypto'
import { RegistryError } from '../oci/registry-error.ts'
import type { LoginEvents } from '../telemetry/login-events.ts'
import type { Clock } from '../util/clock.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { BearerTokens } from './bearer-tokens.ts'
import type { FailedLogins } from './failed-logins.ts'
import { LoginError } from './login-error.ts'
import type { PasswordChecker } from './password-checker.ts'
import type { PasswordFile } from './password-file.ts'
import { ANONYMOUS, type Principal } from './principal.ts'

export interface Credentials {
  user: string
  password: string
}

export interface AuthenticatorOptions {
  passwords: PasswordFile
  checker: PasswordChecker
  tokens: BearerTokens
  failures: FailedLogins
  clock: Clock
  events: LoginEvents
}

const REMEMBERED_FOR_MS = 5 * 60_000
const MAX_REMEMBERED = 1_000

/** Of no password; checked for users that are not there, so that they take as long as others. */
const NOBODYS_SALT_AND_HASH = '.'.repeat(53)

/**
 * Finds out who sends a request. Passwords that were right are remembered for five minutes, as long
 * as their user keeps them: a pull is a dozen requests, and each check is slow by design.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  readonly #secret = randomBytes(32)
  readonly #checks = new SingleFlight<boolean>()
  /** The hash that credentials were right for, by their HMAC; those remembered last at the end. */
  readonly #remembered = new Map<string, { hash: string; untilMs: number }>()

  constructor(options: AuthenticatorOptions) {
    this.#options = options
  }

  /**
   * Who an `Authorization` header says, by name and password or by token; `address` is where it
   * comes from. Throws LoginError where it is wrong, and RegistryError `TOOMANYREQUESTS` where
   * too many before it were.
   */
  async authenticate(
    header: string | undefined,
    address: string,
    signal: AbortSignal,
  ): Promise<Principal> {
    if (header === undefined) return ANONYMOUS
    const [, scheme, rest = ''] = /^(basic|bearer) +(\S+) *$/i.exec(header) ?? []
    if (scheme?.toLowerCase() === 'bearer') {
      const { passwords, tokens } = this.#options
      const principal = tokens.principalOf(rest, await passwords.entries())
      if (principal) return principal
      throw new LoginError('the token is not valid, or not any more')
    }
    const credentials = scheme === undefined ? undefined : parseCredentials(rest)
    if (!credentials) throw new LoginError('credentials in an unknown form')
    return this.login(credentials, address, signal)
  }

  /** Throws as `authenticate` does. */
  async login(
    { user, password }: Credentials,
    address: string,
    signal: AbortSignal,
  ): Promise<Principal> {
    const { passwords, failures, clock, events } = this.#options
    const entries = await passwords.entries()
    const hash = entries.get(user)
    const key = this.#keyOf(user, password)
    const remembered = this.#remembered.get(key)
    if (remembered && remembered.hash === hash && clock.now() < remembered.untilMs) {
      return { kind: 'user', name: user }
    }
    const event = { user: hash === undefined ? undefined : user, address }
    const waitMs = failures.waitMs(address, user)
    if (waitMs > 0) {
      events.slowed({ ...event, waitMs })
      throw new RegistryError('TOOMANYREQUESTS', 'too many logins have failed', {
        retryAfterMs: waitMs,
      })
    }
    const check = () => this.#check(password, hash, entries)
    const { value: isRight, joined } = await this.#checks.run(`${key} ${hash}`, signal, check)
    if (!isRight || hash === undefined) {
      failures.add(address, user)
      events.failed(event)
      throw new LoginError('the user or the password is wrong')
    }
    failures.forget(address, user)
    if (!joined) {
      this.#remember(key, hash)
      events.accepted(event)
    }
    return { kind: 'user', name: user }
  }

  /** A token for who has just proved to be the principal. */
  async issueToken(principal: Principal): Promise<string> {
    const { tokens, passwords } = this.#options
    return tokens.issue(principal, await passwords.entries())
  }

  async #check(
    password: string,
    hash: string | undefined,
    entries: ReadonlyMap<string, string>,
  ): Promise<boolean> {
    const { checker } = this.#options
    return checker.isRight(password, hash ?? nobodysHash(entries))
  }

  #remember(key: string, hash: string): void {
    this.#remembered.delete(key)
    this.#remembered.set(key, { hash, untilMs: this.#options.clock.now() + REMEMBERED_FOR_MS })
    const [oldest] = this.#remembered.keys()
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) {
      this.#remembered.delete(oldest)
    }
  }

  /** Nobody who reads our memory learns a password, nor who finds out how long a look-up takes. */
  #keyOf(user: string, password: string): string {
    return createHmac('sha256', this.#secret).update(`${user}\0${password}`).digest('base64')
  }
}

/** RFC 7617. */
function parseCredentials(base64: string): Credentials | undefined {
  const text = Buffer.from(base64, 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** As costly as that of a user. */
function nobodysHash(entries: ReadonlyMap<string, string>): string {
  const [any = '$2b$10$'] = entries.values()
  return `${any.slice(0, 7)}${NOBODYS_SALT_AND_HASH}`
}
