import { parseDigest, type Digest } from './digest.ts'
import { parseRepository, parseTag, type Reference, type Repository } from './reference.ts'
import type { ReferrerFilter } from './referrers.ts'
import { RegistryError } from './registry-error.ts'
import type { Page } from './source.ts'

interface Scoped {
  /** The name in the path, before routing: it may begin with a path prefix. */
  repository: Repository
  /** The registry that the client means (distribution-spec, Registry Proxying). */
  ns: string | undefined
}

/** What a request under `/v2` asks for; `isHead` where only the headers are wanted. */
export type RegistryRequest =
  | { kind: 'ping' }
  | (Scoped & { kind: 'manifest'; isHead: boolean; reference: Reference })
  | (Scoped & { kind: 'blob'; isHead: boolean; digest: Digest })
  | (Scoped & { kind: 'tags'; page: Page })
  | (Scoped & { kind: 'referrers'; digest: Digest; filter: ReferrerFilter })

const ROOT = '/v2/'
const TAGS = '/tags/list'
/** RFC 6838 section 4.2. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i

/** What is below `/v2`, with what stands in front of that. */
export interface RegistryPath {
  /** As in `/ghcr.io/v2/`, where a client was given the address of one upstream. */
  prefix: string | undefined
  /** For parseRegistryRequest. */
  url: string
}

/** `undefined` for what is not of the registry. */
export function parseRegistryPath(url: string): RegistryPath | undefined {
  const match = /^(?:\/(?!v2(?:[/?]|$))([^?]+?))?(\/v2(?:[/?].*)?)$/s.exec(url)
  return match ? { prefix: match[1], url: match[2] ?? '' } : undefined
}

/**
 * Reads method, path and query (distribution-spec, Endpoints). Names contain slashes, so a path is
 * read from its end. Throws RegistryError. Names are never decoded: what clients may put there
 * needs no escapes, and an escaped slash or dot could mean something else to a proxy in front.
 */
export function parseRegistryRequest(method: string, url: string): RegistryRequest {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  if (path === ROOT || path === '/v2') {
    requirePull(method)
    return { kind: 'ping' }
  }
  if (path.endsWith(TAGS)) {
    const name = nameIn(path, path.length - TAGS.length)
    requirePull(method)
    return { kind: 'tags', ...scope(name, query), page: pageOf(query) }
  }
  const slash = path.lastIndexOf('/')
  if (path.endsWith('/manifests', slash)) {
    const name = nameIn(path, slash - '/manifests'.length)
    requirePull(method)
    const scoped = scope(name, query)
    const reference = referenceOf(scoped.repository, path.slice(slash + 1))
    return { kind: 'manifest', isHead: method === 'HEAD', ...scoped, reference }
  }
  if (path.endsWith('/blobs', slash)) {
    const name = nameIn(path, slash - '/blobs'.length)
    requirePull(method)
    const scoped = scope(name, query)
    const digest = digestOf(path.slice(slash + 1))
    return { kind: 'blob', isHead: method === 'HEAD', ...scoped, digest }
  }
  if (path.endsWith('/referrers', slash)) {
    const name = nameIn(path, slash - '/referrers'.length)
    requirePull(method)
    const scoped = scope(name, query)
    const digest = digestOf(path.slice(slash + 1))
    return { kind: 'referrers', ...scoped, digest, filter: filterOf(query) }
  }
  if (path.endsWith('/blobs/uploads', slash)) throw pushRefused()
  throw new RegistryError('NAME_UNKNOWN', 'nothing is served under this path')
}

function requirePull(method: string): void {
  if (method !== 'GET' && method !== 'HEAD') throw pushRefused()
}

function pushRefused(): RegistryError {
  return new RegistryError('UNSUPPORTED', 'this is a mirror: it can be pulled from only')
}

function nameIn(path: string, end: number): string {
  return path.slice(ROOT.length, Math.max(ROOT.length, end))
}

function scope(name: string, query: string): Scoped {
  const repository = parseRepository(name)
  if (!repository) throw new RegistryError('NAME_INVALID', 'invalid repository name')
  return { repository, ns: query === '' ? undefined : parameterOf(query, 'ns') }
}

function referenceOf(repository: Repository, segment: string): Reference {
  const text = decode(segment)
  if (text.includes(':')) return { kind: 'digest', repository, digest: digestOf(text) }
  const tag = parseTag(text)
  if (!tag) throw new RegistryError('TAG_INVALID', 'invalid tag')
  return { kind: 'tag', repository, tag }
}

function digestOf(segment: string): Digest {
  const digest = parseDigest(decode(segment))
  if (!digest) throw new RegistryError('DIGEST_INVALID', 'invalid or unsupported digest')
  return digest
}

function pageOf(query: string): Page {
  if (query === '') return {}
  const limit = parameterOf(query, 'n')
  const after = parameterOf(query, 'last')
  if (limit !== undefined && !/^\d{1,9}$/.test(limit)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', 'n is not a number of tags')
  }
  if (after && !parseTag(after)) throw new RegistryError('TAG_INVALID', 'last is not a tag')
  return { ...(limit !== undefined && { limit: Number(limit) }), ...(after && { after }) }
}

function filterOf(query: string): ReferrerFilter {
  const artifactType = parameterOf(query, 'artifactType')
  if (artifactType === undefined || artifactType === '') return {}
  if (!MEDIA_TYPE.test(artifactType)) {
    throw new RegistryError('ARTIFACT_TYPE_INVALID', 'artifactType is not a media type')
  }
  return { artifactType }
}

/** The first value of a query parameter. */
function parameterOf(query: string, name: string): string | undefined {
  for (const pair of query.split('&')) {
    if (pair.startsWith(name) && pair[name.length] === '=') {
      return decode(pair.slice(name.length + 1))
    }
  }
  return undefined
}

/** What cannot be decoded stays as it is: it still holds a `%`, which no grammar here takes. */
function decode(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
