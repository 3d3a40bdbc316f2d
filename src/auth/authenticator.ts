import { createHmac, randomBytes } from 'node:crypto'
import { RegistryError } from '../oci/registry-error.ts'
import type { LoginEvent, LoginEvents } from '../telemetry/login-events.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { BearerTokens } from './bearer-tokens.ts'
import type { FailedLogins } from './failed-logins.ts'
import { isUserName } from './htpasswd.ts'
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

type Entries = ReadonlyMap<string, string>

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
  readonly #remembered = new Map<string, { hash: string; atMs: number }>()

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
    const { passwords, failures, events } = this.#options
    const entries = await passwords.entries()
    const hash = entries.get(user)
    const event = { user: hash === undefined ? undefined : user, address }
    // Nobody has such a name, and it would be kept with those that failed.
    if (!isUserName(user)) {
      events.failed(event)
      throw wrong()
    }
    // Also who is remembered waits: else answers would tell which guess is right.
    this.#demandPatience(failures.waitMs(address, user), event)
    const key = this.#keyOf(user, password)
    const remembered = this.#remembered.get(key)
    if (remembered && remembered.hash === hash && this.#isRecent(remembered.atMs)) {
      return { kind: 'user', name: user }
    }
    const waitMs = failures.waitMs(address)
    // That it is not looked at tells as well that it is not remembered.
    if (waitMs > 0) failures.addOfUser(address, user)
    this.#demandPatience(waitMs, event)
    const { value: isRight } = await this.#checks.run(`${key} ${hash}`, signal, async () => {
      using _turn = failures.try(address, user)
      if (!(await this.#isRight(user, password, entries)) || hash === undefined) {
        failures.add(address, user)
        events.failed(event)
        return false
      }
      failures.forget(address, user)
      this.#remember(key, hash)
      events.accepted(event)
      return true
    })
    if (!isRight) throw wrong()
    return { kind: 'user', name: user }
  }

  /** A token for who has just proved to be the principal. */
  async issueToken(principal: Principal): Promise<string> {
    const { tokens, passwords } = this.#options
    return tokens.issue(principal, await passwords.entries())
  }

  #demandPatience(waitMs: number, event: LoginEvent): void {
    if (waitMs === 0) return
    this.#options.events.slowed({ ...event, waitMs })
    throw new RegistryError('TOOMANYREQUESTS', 'too many logins have failed', {
      retryAfterMs: waitMs,
    })
  }

  async #isRight(user: string, password: string, entries: Entries): Promise<boolean> {
    const { checker } = this.#options
    return checker.isRight(password, entries.get(user) ?? this.#nobodysHash(user, entries))
  }

  /** As costly as that of a user: always of the same one, as it is with who is there. */
  #nobodysHash(user: string, entries: Entries): string {
    const hashes = [...entries.values()]
    const number = this.#hmac(user).readUInt32BE()
    const hash = hashes[number % hashes.length] ?? '$2b$10$'
    return `${hash.slice(0, 7)}${NOBODYS_SALT_AND_HASH}`
  }

  #remember(key: string, hash: string): void {
    this.#remembered.delete(key)
    this.#remembered.set(key, { hash, atMs: this.#options.clock.now() })
    const [oldest] = this.#remembered.keys()
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) {
      this.#remembered.delete(oldest)
    }
  }

  #isRecent(atMs: number): boolean {
    return isWithin(this.#options.clock.now(), atMs, REMEMBERED_FOR_MS)
  }

  /** Nobody who reads our memory learns a password, nor who finds out how long a look-up takes. */
  #keyOf(user: string, password: string): string {
    return this.#hmac(`${user}\0${password}`).toString('base64')
  }

  #hmac(text: string): Buffer {
    return createHmac('sha256', this.#secret).update(text).digest()
  }
}

function wrong(): LoginError {
  return new LoginError('the user or the password is wrong')
}

/** RFC 7617. */
function parseCredentials(base64: string): Credentials | undefined {
  const text = Buffer.from(base64, 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
