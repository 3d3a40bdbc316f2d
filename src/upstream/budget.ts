import type { IncomingHttpHeaders } from 'node:http'
import type { LimitEvents } from '../telemetry/limit-events.ts'
import type { Clock } from '../util/clock.ts'

export interface BudgetOptions {
  /** The upstream's name, for events. */
  upstream: string
  /** Host and port of the one that is asked. */
  endpoint: string
  clock: Clock
  events?: LimitEvents
}

/** What an upstream said is left to one credential. */
export interface BudgetEntry {
  /** `anonymous`, or the user name. */
  credential: string
  /** What the upstream counts by: an address or an account, where it says so. */
  source?: string
  limit: number
  remaining: number
  /**
   * An estimate of when the window ends: the upstream names the window's length, not its start,
   * so this counts from the first answer that we saw of it. It is never too early, and up to a
   * whole window too late where others used the budget before us. Left out where no length was named.
   */
  resetAtMs?: number
}

/** unknown: the upstream has told no limit. */
export type Standing = 'unknown' | 'enough' | 'low'

interface Quota {
  count: number
  windowSeconds: number | undefined
}

/** Of the limit; what is left is for who has nobody else to ask. */
const LOW_SHARE = 0.1

/**
 * The rate limits of an upstream, read from every answer. Nothing is known of a credential before
 * its first answer with `ratelimit-*` headers; an upstream that sends none has no limit to tell.
 */
export class Budget {
  readonly #options: BudgetOptions
  readonly #entries = new Map<string, BudgetEntry>()
  /** Those of whom that they are low was the last that was reported. */
  readonly #low = new Set<string>()

  constructor(options: BudgetOptions) {
    this.#options = options
  }

  /** Reads the headers of an answer to a request that was made as `credential`. */
  observe(credential: string, headers: IncomingHttpHeaders): void {
    const limit = parseQuota(headers['ratelimit-limit'])
    const remaining = parseQuota(headers['ratelimit-remaining'])
    if (!limit || !remaining) return
    const source = headers['docker-ratelimit-source']
    const windowSeconds = remaining.windowSeconds ?? limit.windowSeconds
    const resetAtMs = this.#resetAt(credential, remaining.count, windowSeconds)
    this.#entries.set(credential, {
      credential,
      ...(typeof source === 'string' ? { source } : {}),
      limit: limit.count,
      remaining: remaining.count,
      ...(resetAtMs === undefined ? {} : { resetAtMs }),
    })
    this.#report(credential, limit.count, remaining.count)
  }

  /** What is left to a credential, as far as is known: low is less than a tenth. */
  standing(credential: string): Standing {
    const entry = this.#entries.get(credential)
    if (!entry) return 'unknown'
    const isOver = entry.resetAtMs !== undefined && this.#options.clock.now() >= entry.resetAtMs
    return !isOver && entry.remaining < entry.limit * LOW_SHARE ? 'low' : 'enough'
  }

  snapshot(): BudgetEntry[] {
    return [...this.#entries.values()]
  }

  /** A window goes on until its time is over, or until there is more left than before. */
  #resetAt(credential: string, remaining: number, windowSeconds?: number): number | undefined {
    if (windowSeconds === undefined) return undefined
    const known = this.#entries.get(credential)
    const nowMs = this.#options.clock.now()
    const goesOn =
      known?.resetAtMs !== undefined && nowMs < known.resetAtMs && remaining <= known.remaining
    return goesOn ? known.resetAtMs : nowMs + windowSeconds * 1000
  }

  #report(credential: string, limit: number, remaining: number): void {
    const { upstream, endpoint, events } = this.#options
    const budget = { upstream, endpoint, credential, limit, remaining }
    events?.budgetTold(budget)
    const isLow = this.standing(credential) === 'low'
    if (isLow === this.#low.has(credential)) return
    if (isLow) this.#low.add(credential)
    else this.#low.delete(credential)
    events?.budgetChanged({ ...budget, isLow })
  }
}

/** `100;w=21600` */
function parseQuota(header: string | string[] | undefined): Quota | undefined {
  const match = /^\s*(\d{1,12})\s*(?:;.*?\bw=(\d{1,9})\b.*)?$/.exec(String(header ?? ''))
  if (!match) return undefined
  const [, count, windowSeconds] = match
  return {
    count: Number(count),
    windowSeconds: windowSeconds === undefined ? undefined : Number(windowSeconds),
  }
}
