import type { AccessTarget, Action } from '../auth/access.ts'
import { ANONYMOUS } from '../auth/principal.ts'
import type { HostedRegistry } from '../hosted/hosted-registry.ts'
import { parseHostedRequest, type HostedRequest } from '../oci/hosted-request.ts'
import {
  parseRegistryPath,
  parseRegistryRequest,
  type RegistryRequest,
} from '../oci/registry-request.ts'
import { parseRepository, type Repository } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Route, Routes } from '../policy/routes.ts'
import { actionOf } from './action-of.ts'
import { answerJson, API_VERSION } from './answer.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Context, Middleware } from './exchange.ts'
import type { Gate } from './gate.ts'
import { hostedRoute } from './hosted-route.ts'
import { serveCatalog, serveHosted } from './hosted.ts'
import { hostOf, pathTo } from './origin.ts'
import type { Redirects } from './redirects.ts'
import { type BlobServing, serveBlob } from './serve-blob.ts'
import { serveManifest } from './serve-manifest.ts'
import { serveReferrers } from './serve-referrers.ts'
import { serveTags } from './serve-tags.ts'
import { isTokenPath, serveToken } from './token.ts'

export interface RegistryOptions {
  routes: Routes
  /** `undefined` where nothing can be pushed. */
  hosted: HostedRegistry | undefined
  gate: Gate
  /** Every blob is served from here where there are none. */
  redirects?: Redirects | undefined
}

/** The API below `/v2` and `/<prefix>/v2` (distribution-spec, Endpoints). */
export function registry(options: RegistryOptions, pool: BufferPool): Middleware {
  const blobs = { pool, redirects: options.redirects }
  return (context, next) => {
    const path = parseRegistryPath(context.req.url ?? '')
    if (!path) return next()
    if (isTokenPath(path.url)) return serveTokens(context, options)
    const push = parseHostedRequest(context.method, path.url)
    if (push) return serveOfHosted(context, push, path.prefix, options)
    const request = parseRegistryRequest(context.method, path.url)
    context.state.exchange.kind = request.kind
    context.state.exchange.action = actionOf(request)
    if (request.kind === 'ping') return servePing(context, path.prefix, options)
    return serve(context, request, path.prefix, options, blobs)
  }
}

async function serveOfHosted(
  context: Context,
  request: HostedRequest,
  prefix: string | undefined,
  { routes, hosted, gate }: RegistryOptions,
): Promise<void> {
  context.state.exchange.kind = 'push'
  context.state.exchange.action = actionOf(request)
  if (request.kind === 'catalog') return serveCatalog(context, hosted, gate, request.page)
  const route = routeOf(context, request, prefix, routes)
  const path = `${pathTo(context, prefix)}/v2/${request.repository}`
  const query = request.ns === undefined ? '' : `?ns=${encodeURIComponent(request.ns)}`
  const to = hostedRoute(hosted, route, request.kind, (below) => `${path}/${below}${query}`)
  if (request.kind === 'unsupported') {
    const { allow } = request
    throw new RegistryError('UNSUPPORTED', `${context.method} is not of the registry here`, {
      allow,
    })
  }
  const principal = await gate.admit(context, neededFor(request), route)
  const mayPull = (target: AccessTarget) => gate.allows(principal, 'pull', target)
  return serveHosted(context, request, to, { routes, mayPull })
}

function neededFor({ kind }: HostedRequest): Action {
  return kind === 'delete-manifest' || kind === 'delete-blob' ? 'delete' : 'push'
}

async function serveTokens(
  context: Context,
  { gate, routes, hosted }: RegistryOptions,
): Promise<void> {
  context.state.exchange.kind = 'token'
  if (!gate.authenticator) throw new RegistryError('NAME_UNKNOWN', 'nobody can log in here')
  return serveToken(context, gate.authenticator, (name) => {
    const route = routeOfScope(context, name, routes)
    if (!route || route.upstream === hosted?.registry) return false
    return gate.allows(ANONYMOUS, 'pull', route)
  })
}

/** What a scope names: with its upstream in front as in our challenges, or as in a client's path. */
function routeOfScope(context: Context, name: Repository, routes: Routes): Route | undefined {
  const [ns, ...rest] = name.split('/')
  const repository = parseRepository(rest.join('/'))
  return (
    (repository && routes.find({ repository, ns })) ??
    routes.find({ repository: name, ns: undefined, host: hostOf(context) })
  )
}

async function servePing(
  context: Context,
  prefix: string | undefined,
  { routes, gate }: RegistryOptions,
): Promise<void> {
  if (prefix !== undefined && !routes.hasPrefix(prefix)) {
    throw new RegistryError('NAME_UNKNOWN', 'no upstream of this mirror has that prefix')
  }
  await gate.ask(context)
  answerJson(context, 200, { ...API_VERSION }, {})
}

type Pull = Exclude<RegistryRequest, { kind: 'ping' }>

async function serve(
  context: Context,
  request: Pull,
  prefix: string | undefined,
  { routes, hosted, gate }: RegistryOptions,
  blobs: BlobServing,
): Promise<void> {
  const route = routeOf(context, request, prefix, routes)
  if (route.upstream === hosted?.registry) await gate.admit(context, 'pull', route)
  else await gate.admitPull(context, route)
  switch (request.kind) {
    case 'manifest':
      return serveManifest(context, request, route)
    case 'blob':
      return serveBlob(context, request, route, blobs)
    case 'tags':
      return serveTags(context, request, route, pathTo(context, prefix))
    case 'referrers':
      return serveReferrers(context, request, route)
  }
}

function routeOf(
  context: Context,
  { repository, ns }: Pick<Pull, 'repository' | 'ns'>,
  prefix: string | undefined,
  routes: Routes,
): Route {
  const route = routes.find({ repository, ns, prefix, host: hostOf(context) })
  if (!route) {
    throw new RegistryError('NAME_UNKNOWN', 'no upstream of this mirror serves that', {
      detail: { name: repository, ns },
    })
  }
  context.state.exchange.route = route
  return route
}
