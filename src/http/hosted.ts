import type { HostedRegistry } from '../hosted/hosted-registry.ts'
import type { Digest } from '../oci/digest.ts'
import type { HostedRequest } from '../oci/hosted-request.ts'
import { MAX_MANIFEST_BYTES } from '../oci/manifest.ts'
import { type Repository, targetOf } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Page } from '../oci/source.ts'
import type { Action } from '../telemetry/action.ts'
import { announce } from './announce.ts'
import { answerHeaders, answerJson, API_VERSION } from './answer.ts'
import type { Context } from './exchange.ts'
import type { Gate } from './gate.ts'
import { pathTo } from './origin.ts'
import type { HostedRoute } from './hosted-route.ts'
import { wholeBody } from './request-body.ts'
import { type MountSources, serveUpload, startUpload } from './serve-upload.ts'

/** Repositories in one answer, where the client does not say. */
const MAX_CATALOG = 1_000

/** What is asked of the writable namespace besides pulls. */
export async function serveHosted(
  context: Context,
  request: Exclude<HostedRequest, { kind: 'catalog' | 'unsupported' }>,
  route: HostedRoute,
  mounts: MountSources,
): Promise<void> {
  switch (request.kind) {
    case 'start-upload':
      return startUpload(context, request, route, mounts)
    case 'upload-status':
    case 'append-upload':
    case 'finish-upload':
    case 'cancel-upload':
      return serveUpload(context, request, route)
    case 'put-manifest':
      return putManifest(context, request, route)
    case 'delete-manifest':
    case 'delete-blob':
      return remove(context, request, route)
  }
}

/** GET of `_catalog`, which clients know from registries; no spec has it. Of what may be pulled. */
export async function serveCatalog(
  context: Context,
  hosted: HostedRegistry | undefined,
  gate: Gate,
  page: Page,
): Promise<void> {
  const principal = await gate.ask(context)
  if (!hosted) throw new RegistryError('NAME_UNKNOWN', 'nothing is hosted here')
  const { registry } = hosted
  const { limit = MAX_CATALOG, after } = page
  const within = after?.startsWith(`${registry}/`) ? after.slice(registry.length + 1) : undefined
  const mayPull = (repository: Repository) =>
    gate.allows(principal, 'pull', { upstream: registry, repository })
  const found = await openRepositories(hosted, mayPull, limit + 1, within)
  const repositories = found.slice(0, limit).map((name) => `${registry}/${name}`)
  const last = repositories.at(-1)
  const query = new URLSearchParams({ n: String(limit), last: last ?? '' })
  const hasMore = last !== undefined && found.length > repositories.length
  const headers = {
    ...API_VERSION,
    ...(hasMore && { Link: `<${pathTo(context)}/v2/_catalog?${query.toString()}>; rel="next"` }),
  }
  answerJson(context, 200, headers, { repositories })
}

/** At most `limit` of those after `after`. */
async function openRepositories(
  hosted: HostedRegistry,
  mayPull: (repository: Repository) => boolean,
  limit: number,
  after: string | undefined,
): Promise<Repository[]> {
  const open: Repository[] = []
  for (let last = after; ;) {
    const page = await hosted.repositories({ limit: MAX_CATALOG, ...(last && { after: last }) })
    open.push(...page.filter(mayPull))
    last = page.at(-1)
    if (page.length < MAX_CATALOG || open.length >= limit) return open.slice(0, limit)
  }
}

async function putManifest(
  context: Context,
  { reference: named, tags }: Extract<HostedRequest, { kind: 'put-manifest' }>,
  { hosted, repository, locationOf }: HostedRoute,
): Promise<void> {
  const { exchange } = context.state
  const reference = { ...named, repository }
  exchange.reference = targetOf(reference)
  const contentType = context.req.headers['content-type']
  const bytes = await wholeBody(context, MAX_MANIFEST_BYTES)
  const pushed = { contentType, bytes, tags, by: exchange.principal }
  const { descriptor, subject } = await hosted.manifests.put(reference, pushed, exchange.signal)
  const { digest } = descriptor
  await announce(context, { name: 'push', kind: 'manifest', content: descriptor }, tags)
  answerHeaders(context, 201, {
    ...API_VERSION,
    Location: locationOf(`manifests/${digest}`),
    'Docker-Content-Digest': digest,
    'Content-Length': 0,
    ...(subject !== undefined && { 'OCI-Subject': subject }),
    ...(tags.length > 0 && { 'OCI-Tag': tags }),
  })
}

async function remove(
  context: Context,
  request: Extract<HostedRequest, { kind: 'delete-manifest' | 'delete-blob' }>,
  { hosted, repository }: HostedRoute,
): Promise<void> {
  const { exchange } = context.state
  const { manifests } = hosted
  const isBlob = request.kind === 'delete-blob'
  exchange.reference = isBlob ? request.digest : targetOf(request.reference)
  const isGone = isBlob
    ? await manifests.deleteBlob(repository, request.digest, exchange.signal)
    : await manifests.delete({ ...request.reference, repository }, exchange.signal)
  if (!isGone) {
    throw new RegistryError(isBlob ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN', 'there is none', {
      detail: { name: request.repository, reference: exchange.reference satisfies string | Digest },
    })
  }
  const kind = isBlob ? 'blob' : 'manifest'
  await announce(context, { name: 'delete', kind, content: deletedOf(request) })
  answerHeaders(context, 202, { ...API_VERSION, 'Content-Length': 0 })
}

function deletedOf(
  request: Extract<HostedRequest, { kind: 'delete-manifest' | 'delete-blob' }>,
): Action['content'] {
  if (request.kind === 'delete-blob') return { digest: request.digest }
  const { reference } = request
  return reference.kind === 'digest' ? { digest: reference.digest } : undefined
}
