import { isIPv6 } from 'node:net'
import type { Clock } from '../util/clock.ts'
import { FailureCounts } from './failure-counts.ts'

/** So many failures cost nothing. */
const FREE_OF_USER = 5
const FREE_OF_ADDRESS = 20

/**
 * Who has to wait before the next login, because of those that failed: a user at an address, and,
 * after more of them, the address. A user is not slowed at other addresses, so that nobody can
 * lock out another. They are counted apart: names can be made up without end, addresses cannot.
 */
export class FailedLogins {
  readonly #ofAddresses: FailureCounts
  readonly #ofUsers: FailureCounts

  constructor(clock: Clock) {
    this.#ofAddresses = new FailureCounts(clock, FREE_OF_ADDRESS)
    this.#ofUsers = new FailureCounts(clock, FREE_OF_USER)
  }

  /** Until the next login of a user at the address, or of any, is looked at; 0 where that is now. */
  waitMs(address: string, user?: string): number {
    if (user === undefined) return this.#ofAddresses.waitMs(networkOf(address))
    return this.#ofUsers.waitMs(keyOf(address, user))
  }

  /** Until it is disposed a login is looked at: who has failed too often has one at a time. */
  try(address: string, user: string): Disposable {
    using turns = new DisposableStack()
    turns.use(this.#ofAddresses.try(networkOf(address)))
    turns.use(this.#ofUsers.try(keyOf(address, user)))
    return turns.move()
  }

  /** Counts for the user at the address, and for the address. */
  add(address: string, user: string): void {
    this.#ofAddresses.add(networkOf(address))
    this.addOfUser(address, user)
  }

  /** Counts for the user at the address alone. */
  addOfUser(address: string, user: string): void {
    this.#ofUsers.add(keyOf(address, user))
  }

  /** After a login that was right. What others at the address have failed stays. */
  forget(address: string, user: string): void {
    this.#ofUsers.forget(keyOf(address, user))
  }
}

function keyOf(address: string, user: string): string {
  return `${networkOf(address)} ${user}`
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
