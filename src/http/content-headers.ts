import type { OutgoingHttpHeaders } from 'node:http'
import type { Resolved } from '../oci/source.ts'
import { API_VERSION } from './answer.ts'
import { etagOf } from './conditions.ts'

/** What every answer with content tells of it, a 304 too. */
export function contentHeaders(resolved: Resolved, ns: string | undefined): OutgoingHttpHeaders {
  const { digest } = resolved.descriptor
  const headers: OutgoingHttpHeaders = {
    ...API_VERSION,
    'Docker-Content-Digest': digest,
    ETag: etagOf(digest),
  }
  // The spec's answer to a request whose namespace was obeyed (Registry Proxying).
  if (ns !== undefined) headers['OCI-Namespace'] = ns
  if (resolved.outcome === 'stale') headers['Warning'] = STALE_WARNING
  return headers
}

export const STALE_WARNING = '110 - "Response is stale"'

/** What a digest names never changes; what a tag names must be asked for. */
export const CACHE_CONTROL = {
  digest: 'max-age=31536000, immutable',
  tag: 'no-cache',
} as const
