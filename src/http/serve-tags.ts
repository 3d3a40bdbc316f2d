import type { OutgoingHttpHeaders } from 'node:http'
import { RegistryError } from '../oci/registry-error.ts'
import type { RegistryRequest } from '../oci/registry-request.ts'
import type { Route } from '../policy/routes.ts'
import { answerJson, API_VERSION } from './answer.ts'
import { CACHE_CONTROL } from './content-headers.ts'
import type { Context } from './exchange.ts'

type TagsRequest = Extract<RegistryRequest, { kind: 'tags' }>

/** A page of tags (distribution-spec, Listing tags), under the name that the client uses; `pathTo` leads to `/v2`. */
export async function serveTags(
  context: Context,
  request: TagsRequest,
  { source, repository }: Route,
  pathTo: string,
): Promise<void> {
  const { signal } = context.state.exchange
  const { limit } = request.page
  // None is a lawful number of tags to ask for, but not of every registry: ask for one.
  const page = limit === 0 ? { ...request.page, limit: 1 } : request.page
  const found = await source.tags(repository, page, { signal })
  if (!found) {
    throw new RegistryError('NAME_UNKNOWN', 'unknown repository', {
      detail: { name: request.repository },
    })
  }
  const tags = limit === 0 ? [] : found.tags
  const last = tags.at(-1)
  const headers: OutgoingHttpHeaders = { ...API_VERSION, 'Cache-Control': CACHE_CONTROL.tag }
  if (request.ns !== undefined) headers['OCI-Namespace'] = request.ns
  if (found.hasMore && last !== undefined)
    headers['Link'] = `<${nextOf(request, last, pathTo)}>; rel="next"`
  answerJson(context, 200, headers, { name: request.repository, tags })
}

function nextOf({ repository, page, ns }: TagsRequest, last: string, pathTo: string): string {
  const query = new URLSearchParams({
    ...(page.limit !== undefined && { n: String(page.limit) }),
    last,
    ...(ns !== undefined && { ns }),
  })
  return `${pathTo}/v2/${repository}/tags/list?${query.toString()}`
}
