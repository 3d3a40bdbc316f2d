import { type Digest, parseDigest } from '../oci/digest.ts'
import {
  isDigest,
  parseRepository,
  parseTag,
  type ImageReference,
  type Repository,
  type Tag,
} from '../oci/reference.ts'
import type { Routes } from './routes.ts'

/** A repository, or one image of it. */
export interface ImageName {
  repository: { registry: string; name: Repository }
  /** All of the repository where `undefined`. */
  target: Tag | Digest | undefined
}

const LATEST = 'latest' as Tag

/**
 * Reads an image's name as people write it: `alpine`, `library/alpine:3`,
 * `ghcr.io/owner/app@sha256:…`. What stands before the first slash is an upstream's name or path
 * prefix, or a host; else it is part of the repository, which is the default upstream's. With a
 * digest a tag says nothing more and is passed over, as clients do. `undefined` for what is no name.
 */
export function parseImageName(text: string, routes: Routes<unknown>): ImageName | undefined {
  const [named = '', digestText, ...more] = text.split('@')
  const [, path = '', tagText] = /^(.*?)(?::([^:/]*))?$/.exec(named) ?? []
  const digest = parseDigest(digestText ?? '')
  const tag = parseTag(tagText ?? '')
  const isDigestWrong = digestText !== undefined && digest === undefined
  const isTagWrong = tagText !== undefined && tag === undefined
  if (more.length > 0 || isDigestWrong || isTagWrong) return undefined
  const repository = repositoryOf(path, routes)
  return repository && { repository, target: digest ?? tag }
}

/** What a client pulls by the name: where that says neither tag nor digest, the tag `latest`. */
export function imageOf({ repository, target = LATEST }: ImageName): ImageReference {
  const { registry, name } = repository
  const reference = isDigest(target)
    ? ({ kind: 'digest', repository: name, digest: target } as const)
    : ({ kind: 'tag', repository: name, tag: target } as const)
  return { registry, reference }
}

/**
 * A pattern of images as people write it with the registry in front, where they have left it out:
 * `alpine:3*` is `docker.io/library/alpine:3*`. What stands before the first slash may be a glob.
 */
export function qualifyPattern(text: string, routes: Routes<unknown>): string {
  const [first = '', ...rest] = text.split('/')
  if (rest.length > 0 ? isHost(first) || first.includes('*') : first === '**') return text
  const [, path = '', target = ''] = /^([^:@]*)(.*)$/s.exec(text) ?? []
  const route = routes.find({ repository: path as Repository, ns: undefined })
  return route ? `${route.upstream}/${route.repository}${target}` : text
}

function repositoryOf(path: string, routes: Routes<unknown>): ImageName['repository'] | undefined {
  const slash = path.indexOf('/')
  const first = path.slice(0, Math.max(slash, 0))
  const rest = parseRepository(path.slice(slash + 1))
  if (!rest) return undefined
  // A path prefix may be a host with a port, which is no part of a repository's name elsewhere.
  const byPath = routes.find({ repository: path as Repository, ns: undefined })
  if (byPath?.via === 'prefix') return { registry: byPath.upstream, name: byPath.repository }
  if (isHost(first)) {
    const byName = routes.find({ repository: rest, ns: first })
    return byName
      ? { registry: byName.upstream, name: byName.repository }
      : { registry: first, name: rest }
  }
  if (!byPath || !parseRepository(path)) return undefined
  return { registry: byPath.upstream, name: byPath.repository }
}

/** As Docker tells a registry from the first part of a repository. */
function isHost(text: string): boolean {
  return /[.:]/.test(text) || text === 'localhost'
}
