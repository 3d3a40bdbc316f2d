import { isIPv6 } from 'node:net'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'

/** So many failures cost nothing; each further one doubles the wait, from a second on. */
const FREE_OF_USER = 5
const FREE_OF_ADDRESS = 20
const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 60_000
const FORGOTTEN_AFTER_MS = 15 * 60_000
const MAX_KEYS = 10_000

interface Failures {
  count: number
  lastAtMs: number
}

/**
 * Who has to wait before the next login, because of those that failed: a user at an address, and,
 * after more of them, the address. A user is not slowed at other addresses, so that nobody can
 * lock out another. Of what failed longest ago nothing is known where there is too much.
 */
export class FailedLogins {
  readonly #clock: Clock
  /** In order of the last failure. */
  readonly #failures = new Map<string, Failures>()
  readonly #trying = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Until the next login of a user at the address, or of any, is looked at; 0 where that is now. */
  waitMs(address: string, user?: string): number {
    const key = keyOf(address, user)
    const free = user === undefined ? FREE_OF_ADDRESS : FREE_OF_USER
    const waitMs = this.#waitOf(key, free)
    return this.#trying.has(key) ? Math.max(waitMs, FIRST_WAIT_MS) : waitMs
  }

  /** Until it is disposed a login is looked at: who has failed too often has one at a time. */
  try(address: string, user: string): Disposable {
    const slowed: string[] = []
    if (this.#isSlowed(keyOf(address), FREE_OF_ADDRESS)) slowed.push(keyOf(address))
    if (this.#isSlowed(keyOf(address, user), FREE_OF_USER)) slowed.push(keyOf(address, user))
    for (const key of slowed) this.#trying.add(key)
    return {
      [Symbol.dispose]: () => {
        for (const key of slowed) this.#trying.delete(key)
      },
    }
  }

  /** Counts for the user at the address, and for the address. */
  add(address: string, user: string): void {
    this.#count(keyOf(address))
    this.addOfUser(address, user)
  }

  /** Counts for the user at the address alone. */
  addOfUser(address: string, user: string): void {
    this.#count(keyOf(address, user))
    for (const key of this.#failures.keys()) {
      if (this.#failures.size <= MAX_KEYS) break
      this.#failures.delete(key)
    }
  }

  /** After a login that was right. What others at the address have failed stays. */
  forget(address: string, user: string): void {
    this.#failures.delete(keyOf(address, user))
  }

  #count(key: string): void {
    const count = (this.#known(key)?.count ?? 0) + 1
    this.#failures.delete(key)
    this.#failures.set(key, { count, lastAtMs: this.#clock.now() })
  }

  #isSlowed(key: string, free: number): boolean {
    return (this.#known(key)?.count ?? 0) >= free
  }

  #waitOf(key: string, free: number): number {
    const failures = this.#known(key)
    if (!failures || failures.count < free) return 0
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (failures.count - free), MAX_WAIT_MS)
    return Math.max(0, failures.lastAtMs + waitMs - this.#clock.now())
  }

  #known(key: string): Failures | undefined {
    const failures = this.#failures.get(key)
    if (!failures || isWithin(this.#clock.now(), failures.lastAtMs, FORGOTTEN_AFTER_MS)) {
      return failures
    }
    this.#failures.delete(key)
    return undefined
  }
}

function keyOf(address: string, user?: string): string {
  const network = networkOf(address)
  return user === undefined ? network : `${network} ${user}`
}

/** A host has all addresses of an IPv6 network, and could be another one each time. */
function networkOf(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '')
  if (!isIPv6(bare)) return bare
  const [left = '', right] = bare.split('::')
  const groups = left.split(':')
  const rest = right === undefined ? [] : right.split(':')
  const zeros = Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill('0')
  return [...groups, ...zeros, ...rest].slice(0, 4).join(':')
}
