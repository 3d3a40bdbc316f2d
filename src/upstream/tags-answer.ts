import { parseTag, type Repository, type Tag } from '../oci/reference.ts'
import type { Page, TagList } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { readAll } from '../util/byte-reader.ts'
import type { TransportResponse } from './exchange.ts'

/** Some 300,000 tags. */
const MAX_LIST_BYTES = 16 * 1024 * 1024

/** Query for a page, with its `?`. */
export function formatPage({ limit, after }: Page): string {
  const query = new URLSearchParams()
  if (limit !== undefined) query.set('n', String(limit))
  if (after !== undefined) query.set('last', after)
  return query.size === 0 ? '' : `?${query.toString()}`
}

/**
 * The tags in an answer to tags/list (distribution-spec, Listing Tags), at most as many as were
 * asked for. Names that are no tags are left out. Throws UpstreamError `invalid`.
 */
export async function tagsOfAnswer(
  upstream: string,
  repository: Repository,
  { headers, body }: TransportResponse,
  { limit = Infinity, after }: Page,
): Promise<TagList> {
  const names = await readAll(body, MAX_LIST_BYTES)
    .then(parseNames)
    .catch((cause: unknown) => {
      if (!(cause instanceof RangeError || cause instanceof SyntaxError)) throw cause
      const message = `${upstream}: the list of tags of ${repository} cannot be read`
      throw new UpstreamError(upstream, 'invalid', message, { cause })
    })
  // Some tell all of them whatever was asked for: docker-registry 2 does.
  const rest = after === undefined ? names : names.slice(names.indexOf(after) + 1)
  const tags = rest.map(parseTag).filter((tag): tag is Tag => tag !== undefined)
  const hasLink = /;\s*rel="?next"?/i.test(String(headers['link'] ?? ''))
  return { tags: tags.slice(0, limit), hasMore: hasLink || tags.length > limit }
}

/** Throws SyntaxError. */
function parseNames(bytes: Uint8Array): string[] {
  const json = JSON.parse(new TextDecoder().decode(bytes)) as { tags?: unknown } | null
  const names = json?.tags
  // docker-registry writes null where there are none.
  if (names === null) return []
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new SyntaxError('tags is not a list of names')
  }
  return names
}
