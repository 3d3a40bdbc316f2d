import type { IncomingHttpHeaders } from 'node:http'
import type { Digest } from '../oci/digest.ts'
import { parseRange, type RangeSpec } from '../oci/range.ts'

/** Content by digest is its own validator. */
export function etagOf(digest: Digest): string {
  return `"${digest}"`
}

/** True where the client has the content: answer 304 (RFC 9110 section 13.1.2, weak comparison). */
export function isNotModified(headers: IncomingHttpHeaders, digest: Digest): boolean {
  const header = headers['if-none-match']
  if (header === undefined) return false
  const etag = etagOf(digest)
  return header.split(',').some((entry) => {
    const candidate = entry.trim()
    return candidate === '*' || candidate === etag || candidate === `W/${etag}`
  })
}

/**
 * The range to answer with. None where `If-Range` names other content: the client then wants all
 * of it (RFC 9110 section 13.1.5, strong comparison).
 */
export function requestedRange(
  headers: IncomingHttpHeaders,
  digest: Digest,
): RangeSpec | undefined {
  if (headers.range === undefined) return undefined
  const ifRange = headers['if-range']
  if (ifRange !== undefined && ifRange !== etagOf(digest)) return undefined
  return parseRange(headers.range)
}
