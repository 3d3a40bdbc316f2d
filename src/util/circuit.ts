import type { Clock } from './clock.ts'
import { isWithin } from './is-within.ts'

/** half-open: the next question, or the one under way, decides. */
export type CircuitState = 'closed' | 'open' | 'half-open'

/** What an error tells of the one that was asked: why it is down, that it lives, or nothing. */
export type Verdict<Fault> = Fault | 'alive' | 'unknown'

export interface CircuitOptions<Fault extends Error> {
  clock: Clock
  /** So many failures in a row open it. */
  failures: number
  /** How long it is open the first time; twice as long after each probe that fails. */
  pauseMs: number
  maxPauseMs: number
  /** How long it is open because of this fault, where it would be `pauseMs`; as it stands where left out. */
  pauseOf?: (cause: Fault, pauseMs: number) => number
  /** The error of who may not ask, for so long at least; `cause` is what opened it. */
  refuse: (cause: Fault, leftMs: number) => Error
  /** `cause` is what opened it. */
  changed: (state: CircuitState, cause: Fault | undefined) => void
}

/** What those are told to wait who come while a probe is under way. */
const PROBE_WAIT_MS = 1_000

interface Opening<Fault> {
  cause: Fault
  atMs: number
  /** How long it is open. */
  forMs: number
  /** How long it would be, whatever the fault. */
  pauseMs: number
}

/**
 * Keeps from asking something that is down. Failures in a row open it, and then every question is
 * refused at once. When the pause is over one question goes through as a probe, and what becomes
 * of it closes or opens it again; what was asked before it opened comes late and changes nothing.
 */
export class Circuit<Fault extends Error> {
  readonly #options: CircuitOptions<Fault>
  #failures = 0
  #opening: Opening<Fault> | undefined
  #isProbing = false

  constructor(options: CircuitOptions<Fault>) {
    this.#options = options
  }

  get state(): CircuitState {
    if (!this.#opening) return 'closed'
    return this.#isProbing || leftMs(this.#opening, this.#options.clock) === 0
      ? 'half-open'
      : 'open'
  }

  /** Until when every question is refused; `undefined` where one may go through. */
  get openUntilMs(): number | undefined {
    return this.#opening && this.state === 'open'
      ? this.#opening.atMs + this.#opening.forMs
      : undefined
  }

  /** Asks, and learns from what becomes of it; rejects with the refusal, or as `ask` does. */
  async run<T>(ask: () => Promise<T>, judge: (error: unknown) => Verdict<Fault>): Promise<T> {
    const isProbe = this.#enter()
    try {
      const answer = await ask()
      this.#answered(isProbe)
      return answer
    } catch (error) {
      const verdict = judge(error)
      if (verdict === 'alive') this.#answered(isProbe)
      else if (verdict !== 'unknown') this.#failed(verdict, isProbe)
      throw error
    } finally {
      if (isProbe) this.#isProbing = false
    }
  }

  /** True where the question is the probe. Throws while it is open. */
  #enter(): boolean {
    const { clock, refuse, changed } = this.#options
    const opening = this.#opening
    if (!opening) return false
    const waitMs = leftMs(opening, clock)
    if (waitMs > 0) throw refuse(opening.cause, waitMs)
    if (this.#isProbing) throw refuse(opening.cause, PROBE_WAIT_MS)
    this.#isProbing = true
    changed('half-open', opening.cause)
    return true
  }

  #answered(isProbe: boolean): void {
    this.#failures = 0
    if (!this.#opening || !isProbe) return
    this.#opening = undefined
    this.#options.changed('closed', undefined)
  }

  #failed(cause: Fault, isProbe: boolean): void {
    const { clock, failures, pauseMs, maxPauseMs, changed } = this.#options
    const { pauseOf = (_, itselfMs) => itselfMs } = this.#options
    this.#failures++
    if (this.#opening ? !isProbe : this.#failures < failures) return
    const longerMs = this.#opening ? Math.min(maxPauseMs, this.#opening.pauseMs * 2) : pauseMs
    const forMs = pauseOf(cause, longerMs)
    this.#opening = { cause, atMs: clock.now(), forMs, pauseMs: longerMs }
    changed('open', cause)
  }
}

function leftMs({ atMs, forMs }: Opening<unknown>, clock: Clock): number {
  const nowMs = clock.now()
  return isWithin(nowMs, atMs, forMs) ? atMs + forMs - nowMs : 0
}
