export interface BackoffOptions {
  /** The longest first pause. */
  baseMs?: number
  /** No pause is longer. */
  maxMs?: number
  /** From 0 to 1, as Math.random. */
  random?: () => number
}

/**
 * A pause before attempt `attempt` (counted from 1) is repeated: anything up to a bound that
 * doubles with each attempt, so that many who failed together do not come back together.
 */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { baseMs = 250, maxMs = 10_000, random = Math.random } = options
  return random() * Math.min(maxMs, baseMs * 2 ** (attempt - 1))
}
