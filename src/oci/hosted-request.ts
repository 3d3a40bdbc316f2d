import type { Digest } from './digest.ts'
import { parseRepository, type Reference, type Repository, type Tag } from './reference.ts'
import {
  digestOf,
  nameIn,
  pageOf,
  parameterOf,
  parametersOf,
  referenceOf,
  scope,
  tagOf,
  type Scoped,
} from './registry-path.ts'
import { RegistryError } from './registry-error.ts'
import type { Page } from './source.ts'

/** Where a blob is to be had without pushing it. */
export interface Mount {
  digest: Digest
  /** Before routing; left out where the client does not know. */
  from: Repository | undefined
}

/** What only registries take that can be pushed to. */
export type HostedRequest =
  | { kind: 'catalog'; page: Page }
  | (Scoped & { kind: 'start-upload'; digest: Digest | undefined; mount: Mount | undefined })
  | (Scoped & { kind: 'upload-status' | 'append-upload' | 'cancel-upload'; id: string })
  | (Scoped & { kind: 'finish-upload'; id: string; digest: Digest })
  | (Scoped & { kind: 'put-manifest'; reference: Reference; tags: Tag[] })
  | (Scoped & { kind: 'delete-manifest'; reference: Reference })
  | (Scoped & { kind: 'delete-blob'; digest: Digest })
  /** A method that no registry takes there; a mirror takes fewer of `allow`. */
  | (Scoped & { kind: 'unsupported'; allow: readonly string[] })

/**
 * Reads a request that changes something, asks for an upload, or for the catalog. `undefined` for
 * all others, which parseRegistryRequest reads. Throws RegistryError.
 */
export function parseHostedRequest(method: string, url: string): HostedRequest | undefined {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  const isPull = method === 'GET' || method === 'HEAD'
  if (path === '/v2/_catalog' && isPull)
    return { kind: 'catalog', page: pageOf(query, parseRepository) }
  const slash = path.lastIndexOf('/')
  const last = path.slice(slash + 1)
  if (path.endsWith('/blobs/uploads', slash) && last !== '') {
    const scoped = scope(nameIn(path, slash - '/blobs/uploads'.length), query)
    return uploadRequest(method, scoped, last, query)
  }
  if (isPull) return undefined
  const start = /\/blobs\/uploads\/?$/.exec(path)
  if (start) {
    const scoped = scope(nameIn(path, start.index), query)
    return method === 'POST' ? startRequest(scoped, query) : unsupported(scoped, ['POST'])
  }
  if (path.endsWith('/manifests', slash)) {
    const scoped = scope(nameIn(path, slash - '/manifests'.length), query)
    const reference = referenceOf(scoped.repository, last)
    if (method === 'DELETE') return { kind: 'delete-manifest', ...scoped, reference }
    if (method !== 'PUT') return unsupported(scoped, ['GET', 'HEAD', 'PUT', 'DELETE'])
    const tags = parametersOf(query, 'tag').map(tagOf)
    return { kind: 'put-manifest', ...scoped, reference, tags }
  }
  if (path.endsWith('/blobs', slash)) {
    const scoped = scope(nameIn(path, slash - '/blobs'.length), query)
    if (method !== 'DELETE') return unsupported(scoped, ['GET', 'HEAD', 'DELETE'])
    return { kind: 'delete-blob', ...scoped, digest: digestOf(last) }
  }
  throw new RegistryError('UNSUPPORTED', `${method} is not of the registry here`)
}

function startRequest(scoped: Scoped, query: string): HostedRequest {
  const digest = parameterOf(query, 'digest')
  const mount = parameterOf(query, 'mount')
  const from = parameterOf(query, 'from')
  return {
    kind: 'start-upload',
    ...scoped,
    digest: digest === undefined ? undefined : digestOf(digest),
    mount:
      mount === undefined
        ? undefined
        : { digest: digestOf(mount), from: from === undefined ? from : scope(from, '').repository },
  }
}

function uploadRequest(method: string, scoped: Scoped, id: string, query: string): HostedRequest {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return { kind: 'upload-status', ...scoped, id }
    case 'PATCH':
      return { kind: 'append-upload', ...scoped, id }
    case 'PUT':
      return {
        kind: 'finish-upload',
        ...scoped,
        id,
        digest: digestOf(parameterOf(query, 'digest') ?? ''),
      }
    case 'DELETE':
      return { kind: 'cancel-upload', ...scoped, id }
    default:
      return unsupported(scoped, ['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'])
  }
}

function unsupported(scoped: Scoped, allow: readonly string[]): HostedRequest {
  return { kind: 'unsupported', ...scoped, allow }
}
