import type { TagReference } from '../oci/reference.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'

/** When a tag falls due, as a share of the time that it is fresh, and how much later at most by chance. */
const DUE_AT_SHARE = 0.8
const JITTER_SHARE = 0.1

const MAX_CHECKS_AT_ONCE = 4

/** Tags above this many are asked for when they are stale, as without this. */
const MAX_WATCHED = 20_000

/** A timer cannot be set for more than 24 days. */
const LONGEST_SLEEP_MS = 3_600_000

export interface RefreshAheadOptions {
  freshForMs: number
  clock: Clock
  /** Whether upstream may be asked now for what no client waits for. */
  isAllowed: () => boolean
  /** Asks upstream what a tag stands for. Never rejects; ends early when the mirror stops. */
  check: (ref: TagReference) => Promise<void>
}

interface WatchedTag {
  ref: TagReference
  checkedAtMs: number
  dueAfterMs: number
  isUsed: boolean
}

/**
 * Has a tag that was used since its last check checked again before it goes stale, so that no
 * client waits for it. A check that is not allowed when it falls due is left to the next client.
 */
export class RefreshAhead implements AsyncDisposable {
  readonly #options: RefreshAheadOptions
  /** In the order of their checks. */
  readonly #watched = new Map<string, WatchedTag>()
  readonly #checks = new Set<Promise<void>>()
  readonly #lifetime = new AbortController()
  #turns: Promise<void> | undefined

  constructor(options: RefreshAheadOptions) {
    this.#options = options
  }

  /** Upstream was asked at `atMs` and has answered. */
  checked(key: string, ref: TagReference, atMs: number): void {
    this.#watched.delete(key)
    if (this.#watched.size >= MAX_WATCHED || this.#lifetime.signal.aborted) return
    const share = DUE_AT_SHARE + JITTER_SHARE * Math.random()
    const dueAfterMs = this.#options.freshForMs * share
    this.#watched.set(key, { ref, checkedAtMs: atMs, dueAfterMs, isUsed: false })
    this.#turns ??= this.#checkInTurn()
  }

  /** A client was answered with what is known. */
  used(key: string): void {
    const tag = this.#watched.get(key)
    if (tag) tag.isUsed = true
  }

  /** Waits for the checks under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort()
    await this.#turns
    await Promise.all(this.#checks)
  }

  /** Tags that come meanwhile come later; of one that is checked meanwhile this is not the turn. */
  async #checkInTurn(): Promise<void> {
    const { isAllowed } = this.#options
    const { signal } = this.#lifetime
    for (const [key, tag] of this.#watched) {
      await this.#due(tag)
      if (this.#checks.size >= MAX_CHECKS_AT_ONCE) await Promise.race(this.#checks)
      if (signal.aborted) break
      if (this.#watched.get(key) !== tag) continue
      this.#watched.delete(key)
      if (tag.isUsed && isAllowed()) this.#check(tag)
    }
    this.#turns = undefined
  }

  #check({ ref }: WatchedTag): void {
    const check = this.#options.check(ref).finally(() => this.#checks.delete(check))
    this.#checks.add(check)
  }

  async #due({ checkedAtMs, dueAfterMs }: WatchedTag): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#lifetime
    while (!signal.aborted && isWithin(clock.now(), checkedAtMs, dueAfterMs)) {
      const waitMs = Math.min(checkedAtMs + dueAfterMs - clock.now(), LONGEST_SLEEP_MS)
      await clock.sleep(waitMs, signal).catch(() => signal.aborted)
    }
  }
}
