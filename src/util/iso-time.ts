const ISO_TIME = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/i

/**
 * Reads a day or a time (RFC 3339, seconds and zone may be left out) into milliseconds since 1970;
 * `undefined` for anything else. A day begins in UTC; a time without a zone is local.
 */
export function parseIsoTime(text: string): number | undefined {
  // Date.parse alone takes nearly anything for a time.
  if (!ISO_TIME.test(text)) return undefined
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? undefined : atMs
}
