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

interface Told {
  entry: BudgetEntry
  isLow: boolean
  atMs: number
}

interface Quota {
  count: number
  windowSeconds: number | undefined
}

/** That little is left is not believed for longer, where the upstream names no window. */
const UNNAMED_WINDOW_MS = 3_600_000

/** Of the limit; what is left is for who has nobody else to ask. */
const LOW_SHARE = 0.1

/**
 * The rate limits of an upstream, read from every answer. Nothing is known of a credential before
 * its first answer with `ratelimit-*` headers; an upstream that sends none has no limit to tell.
 */
export class Budget {
  readonly #options: BudgetOptions
  readonly #told = new Map<string, Told>()

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
    const entry = {
      credential,
      ...(typeof source === 'string' ? { source } : {}),
      limit: limit.count,
      remaining: remaining.count,
      ...(resetAtMs === undefined ? {} : { resetAtMs }),
    }
    const isLow = remaining.count < limit.count * LOW_SHARE
    const wasLow = this.#told.get(credential)?.isLow ?? false
    this.#told.set(credential, { entry, isLow, atMs: this.#options.clock.now() })
    const { upstream, endpoint, events } = this.#options
    const event = { upstream, endpoint, credential, limit: limit.count, remaining: remaining.count }
    events?.budgetTold(event)
    if (isLow !== wasLow) events?.budgetChanged({ ...event, isLow })
  }

  /** What is left to a credential, as far as is known: low is less than a tenth. */
  standing(credential: string): Standing {
    const told = this.#told.get(credential)
    if (!told) return 'unknown'
    const endsAtMs = told.entry.resetAtMs ?? told.atMs + UNNAMED_WINDOW_MS
    return told.isLow && this.#options.clock.now() < endsAtMs ? 'low' : 'enough'
  }

  snapshot(): BudgetEntry[] {
    return [...this.#told.values()].map(({ entry }) => entry)
  }

  /** A window goes on until its time is over, or until there is more left than before. */
  #resetAt(credential: string, remaining: number, windowSeconds?: number): number | undefined {
    if (windowSeconds === undefined) return undefined
    const known = this.#told.get(credential)?.entry
    const nowMs = this.#options.clock.now()
    const goesOn =
      known?.resetAtMs !== undefined && nowMs < known.resetAtMs && remaining <= known.remaining
    return goesOn ? known.resetAtMs : nowMs + windowSeconds * 1000
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
