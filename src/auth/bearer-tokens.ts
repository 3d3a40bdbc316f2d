import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { ANONYMOUS, type Principal } from './principal.ts'

/** What clients are told; who asks at the last moment is still served, as by a clock that is set a little. */
export const TOKEN_TTL_MS = 5 * 60_000
const GRACE_MS = 60_000

/** Of users and hashes as they are now. */
type Entries = ReadonlyMap<string, string>

/**
 * Tokens that say who somebody is, not what they may: that is asked with each request. They are
 * signed with a secret of this process, and end with it, with their time, and with the password
 * that they were given for.
 */
export class BearerTokens {
  readonly #clock: Clock
  readonly #secret = randomBytes(32)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** To who has just proved to be the principal. */
  issue(principal: Principal, entries: Entries): string {
    const issuedAtMs = this.#clock.now()
    const claims =
      principal.kind === 'anonymous'
        ? [issuedAtMs]
        : [issuedAtMs, principal.name, fingerprint(entries.get(principal.name))]
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    return `${payload}.${this.#sign(payload).toString('base64url')}`
  }

  /** `undefined` for all that is not a token, or not one any more. */
  principalOf(token: string, entries: Entries): Principal | undefined {
    const [payload = '', signature = ''] = token.split('.')
    const given = Buffer.from(signature, 'base64url')
    const expected = this.#sign(payload)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [
      issuedAtMs: number,
      name?: string,
      password?: string,
    ]
    const [issuedAtMs, name, password] = claims
    const forMs = TOKEN_TTL_MS + 2 * GRACE_MS
    if (!isWithin(this.#clock.now(), issuedAtMs - GRACE_MS, forMs)) return undefined
    if (name === undefined) return ANONYMOUS
    return entries.has(name) && fingerprint(entries.get(name)) === password
      ? { kind: 'user', name }
      : undefined
  }

  #sign(payload: string): Buffer {
    return createHmac('sha256', this.#secret).update(payload).digest()
  }
}

/** Tells hashes apart without telling them. */
function fingerprint(hash: string | undefined): string {
  return createHash('sha256')
    .update(hash ?? '')
    .digest('base64url')
}
