import { parseDigest, type Digest } from './digest.ts'
import {
  parseRepository,
  parseTag,
  type Reference,
  type Repository,
  type Tag,
} from './reference.ts'
import { RegistryError } from './registry-error.ts'
import type { Page } from './source.ts'

/*
 * The parts of paths and queries below `/v2`. What is wrong throws RegistryError.
 */

export const ROOT = '/v2/'

export interface Scoped {
  /** The name in the path, before routing: it may begin with a path prefix. */
  repository: Repository
  /** The registry that the client means (distribution-spec, Registry Proxying). */
  ns: string | undefined
}

/** The name in a path that goes on at `end`. */
export function nameIn(path: string, end: number): string {
  return path.slice(ROOT.length, Math.max(ROOT.length, end))
}

export function scope(name: string, query: string): Scoped {
  const repository = parseRepository(name)
  if (!repository) throw new RegistryError('NAME_INVALID', 'invalid repository name')
  return { repository, ns: query === '' ? undefined : parameterOf(query, 'ns') }
}

export function referenceOf(repository: Repository, segment: string): Reference {
  const text = decode(segment)
  if (text.includes(':')) return { kind: 'digest', repository, digest: digestOf(text) }
  return { kind: 'tag', repository, tag: tagOf(text) }
}

export function tagOf(text: string): Tag {
  const tag = parseTag(text)
  if (!tag) throw new RegistryError('TAG_INVALID', 'invalid tag')
  return tag
}

export function digestOf(segment: string): Digest {
  const digest = parseDigest(decode(segment))
  if (!digest) throw new RegistryError('DIGEST_INVALID', 'invalid or unsupported digest')
  return digest
}

/** `parseLast` reads what the list has. */
export function pageOf(query: string, parseLast: (text: string) => unknown = parseTag): Page {
  if (query === '') return {}
  const limit = parameterOf(query, 'n')
  const after = parameterOf(query, 'last')
  if (limit !== undefined && !/^\d{1,9}$/.test(limit)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', 'n is not a number of tags')
  }
  if (after && !parseLast(after)) throw new RegistryError('TAG_INVALID', 'last is none of the list')
  return { ...(limit !== undefined && { limit: Number(limit) }), ...(after && { after }) }
}

/** The first value of a query parameter. */
export function parameterOf(query: string, name: string): string | undefined {
  return parametersOf(query, name)[0]
}

export function parametersOf(query: string, name: string): string[] {
  return query
    .split('&')
    .filter((pair) => pair.startsWith(name) && pair[name.length] === '=')
    .map((pair) => decode(pair.slice(name.length + 1)))
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
