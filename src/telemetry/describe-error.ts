/** A chain of causes may bite its tail. */
const MAX_CAUSES = 5

/**
 * An error and its causes in one line. Other fields of an error are left out: those of HTTP
 * clients hold headers.
 */
export function describeError(error: unknown): string {
  const parts: string[] = []
  let current = error
  while (current instanceof Error && parts.length < MAX_CAUSES) {
    parts.push(`${current.name}: ${current.message}`)
    current = current.cause
  }
  if (typeof current === 'string') parts.push(current)
  return parts.join(' <- ')
}
