import { errorCode } from '../util/error-code.ts'

/** Why fetch failed: what it knows stands in the cause of its error. */
export function fetchFailure(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  if (!(cause instanceof Error)) return String(error)
  return errorCode(cause) ?? cause.message
}
