/**
 * Whether what began at `sinceMs` and lasts for `forMs` goes on. Where the clock has been put back
 * behind its beginning nobody can tell any more, so it does not.
 */
export function isWithin(nowMs: number, sinceMs: number, forMs: number): boolean {
  return sinceMs <= nowMs && nowMs < sinceMs + forMs
}
