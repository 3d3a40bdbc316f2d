import type { Digest } from './digest.ts'
import type { Reference } from './reference.ts'
import type { ReferrerFilter } from './referrers.ts'
import { RegistryError } from './registry-error.ts'
import {
  digestOf,
  nameIn,
  pageOf,
  parameterOf,
  referenceOf,
  ROOT,
  scope,
  type Scoped,
} from './registry-path.ts'
import type { Page } from './source.ts'

/** What a request under `/v2` asks for; `isHead` where only the headers are wanted. */
export type RegistryRequest =
  | { kind: 'ping' }
  | (Scoped & { kind: 'manifest'; isHead: boolean; reference: Reference })
  | (Scoped & { kind: 'blob'; isHead: boolean; digest: Digest })
  | (Scoped & { kind: 'tags'; page: Page })
  | (Scoped & { kind: 'referrers'; digest: Digest; filter: ReferrerFilter })

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
 * Reads a GET or HEAD: method, path and query (distribution-spec, Endpoints). Names contain slashes, so a path is
 * read from its end. Throws RegistryError. Names are never decoded: what clients may put there
 * needs no escapes, and an escaped slash or dot could mean something else to a proxy in front.
 */
export function parseRegistryRequest(method: string, url: string): RegistryRequest {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  if (path === ROOT || path === '/v2') return { kind: 'ping' }
  if (path.endsWith(TAGS)) {
    const name = nameIn(path, path.length - TAGS.length)
    return { kind: 'tags', ...scope(name, query), page: pageOf(query) }
  }
  const slash = path.lastIndexOf('/')
  if (path.endsWith('/manifests', slash)) {
    const name = nameIn(path, slash - '/manifests'.length)
    const scoped = scope(name, query)
    const reference = referenceOf(scoped.repository, path.slice(slash + 1))
    return { kind: 'manifest', isHead: method === 'HEAD', ...scoped, reference }
  }
  if (path.endsWith('/blobs', slash)) {
    const name = nameIn(path, slash - '/blobs'.length)
    const scoped = scope(name, query)
    const digest = digestOf(path.slice(slash + 1))
    return { kind: 'blob', isHead: method === 'HEAD', ...scoped, digest }
  }
  if (path.endsWith('/referrers', slash)) {
    const name = nameIn(path, slash - '/referrers'.length)
    const scoped = scope(name, query)
    const digest = digestOf(path.slice(slash + 1))
    return { kind: 'referrers', ...scoped, digest, filter: filterOf(query) }
  }
  throw new RegistryError('NAME_UNKNOWN', 'nothing is served under this path')
}

function filterOf(query: string): ReferrerFilter {
  const artifactType = parameterOf(query, 'artifactType')
  if (artifactType === undefined || artifactType === '') return {}
  if (!MEDIA_TYPE.test(artifactType)) {
    throw new RegistryError('ARTIFACT_TYPE_INVALID', 'artifactType is not a media type')
  }
  return { artifactType }
}
