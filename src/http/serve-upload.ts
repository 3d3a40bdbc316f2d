import type { AccessTarget } from '../auth/access.ts'
import type { RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { HostedRequest, Mount } from '../oci/hosted-request.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Route, Routes } from '../policy/routes.ts'
import { announce } from './announce.ts'
import { answerHeaders, API_VERSION } from './answer.ts'
import type { Context } from './exchange.ts'
import type { HostedRoute } from './hosted-route.ts'
import { chunkPosition, requestBody } from './request-body.ts'

type Of<Kind extends HostedRequest['kind']> = Extract<HostedRequest, { kind: Kind }>

/** Where blobs can be mounted from. */
export interface MountSources {
  routes: Routes
  mayPull: (target: AccessTarget) => boolean
}

/** POST of `blobs/uploads/`: mounts a blob, takes a whole one, or opens an upload. */
export async function startUpload(
  context: Context,
  { digest, mount }: Of<'start-upload'>,
  route: HostedRoute,
  sources: MountSources,
): Promise<void> {
  const { hosted, repository } = route
  const { exchange } = context.state
  if (mount && (await mountBlob(context, route, mount, sources))) {
    const { from: fromRepository, ...content } = mount
    await announce(context, { name: 'mount', kind: 'blob', content, fromRepository })
    return answerBlob(context, route, mount.digest)
  }
  const { uploads } = hosted
  if (digest === undefined) {
    return answerUpload(context, 202, route, await uploads.start(repository), 0)
  }
  const body = requestBody(context)
  const content = await uploads.push(repository, digest, body, exchange.signal)
  await announce(context, { name: 'push', kind: 'blob', content })
  answerBlob(context, route, digest)
}

/** GET, PATCH, PUT and DELETE of an upload. */
export async function serveUpload(
  context: Context,
  request: Of<'upload-status' | 'append-upload' | 'finish-upload' | 'cancel-upload'>,
  route: HostedRoute,
): Promise<void> {
  const { hosted, repository } = route
  const { uploads } = hosted
  const { id } = request
  const { exchange } = context.state
  const { signal } = exchange
  const chunk = () => ({ body: requestBody(context), position: chunkPosition(context.req) })
  switch (request.kind) {
    case 'upload-status':
      return answerUpload(context, 204, route, id, await uploads.size(repository, id))
    case 'append-upload':
      return tellingRange(context, route, id, async () => {
        const sizeBytes = await uploads.append(repository, id, chunk(), signal)
        answerUpload(context, 202, route, id, sizeBytes)
      })
    case 'finish-upload':
      return tellingRange(context, route, id, async () => {
        const content = await uploads.finish(repository, id, request.digest, chunk(), signal)
        await announce(context, { name: 'push', kind: 'blob', content })
        answerBlob(context, route, request.digest)
      })
    case 'cancel-upload':
      await uploads.cancel(repository, id, signal)
      return answerHeaders(context, 204, { ...API_VERSION })
  }
}

/** False where the blob has to be uploaded: it is not there, or may not be pulled from there. */
async function mountBlob(
  context: Context,
  { hosted, repository }: HostedRoute,
  { digest, from }: Mount,
  { routes, mayPull }: MountSources,
): Promise<boolean> {
  const { manifests } = hosted
  const isOpen = ({ registry, name }: RepositoryId) =>
    mayPull({ upstream: registry, repository: name })
  if (from === undefined) {
    if (!(await manifests.canMountFromAny(digest, isOpen))) return false
  } else {
    const source = routes.find({ repository: from, ns: undefined })
    const owner = source && { registry: source.upstream, name: source.repository }
    if (!owner || !isOpen(owner) || !(await manifests.canMount(digest, owner))) return false
    if (!(await canPull(context, source, digest))) return false
  }
  return manifests.mount(repository, digest, context.state.exchange.signal)
}

async function canPull(
  context: Context,
  { source, repository }: Route,
  digest: Digest,
): Promise<boolean> {
  const { signal } = context.state.exchange
  try {
    return (await source.statBlob(repository, digest, { signal })) !== undefined
  } catch (error) {
    // Then its bytes are to be pushed, which needs no leave of anybody.
    if (error instanceof RegistryError || error instanceof UpstreamError) return false
    throw error
  }
}

/** A client whose bytes are not the next is told which are. */
async function tellingRange(
  context: Context,
  route: HostedRoute,
  id: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'RANGE_INVALID') {
      const sizeBytes = await route.hosted.uploads.size(route.repository, id)
      context.res.setHeaders(new Map(Object.entries(uploadHeaders(route, id, sizeBytes))))
    }
    throw error
  }
}

function answerUpload(
  context: Context,
  status: number,
  route: HostedRoute,
  id: string,
  sizeBytes: number,
): void {
  // Nothing is pushed before the end.
  context.state.exchange.action = undefined
  answerHeaders(context, status, {
    ...API_VERSION,
    ...uploadHeaders(route, id, sizeBytes),
    ...(status !== 204 && { 'Content-Length': 0 }),
  })
}

function uploadHeaders({ locationOf }: HostedRoute, id: string, sizeBytes: number) {
  return {
    Location: locationOf(`blobs/uploads/${id}`),
    'Docker-Upload-UUID': id,
    // There is no way to say that there is nothing; clients know this one.
    Range: `0-${Math.max(0, sizeBytes - 1)}`,
  }
}

function answerBlob(context: Context, { locationOf }: HostedRoute, digest: Digest): void {
  answerHeaders(context, 201, {
    ...API_VERSION,
    Location: locationOf(`blobs/${digest}`),
    'Docker-Content-Digest': digest,
    'Content-Length': 0,
  })
}
