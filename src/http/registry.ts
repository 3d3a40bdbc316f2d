import {
  parseRegistryPath,
  parseRegistryRequest,
  type RegistryRequest,
} from '../oci/registry-request.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Route, Routes } from '../policy/routes.ts'
import { answerJson, API_VERSION } from './answer.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Context, Middleware } from './exchange.ts'
import { serveBlob } from './serve-blob.ts'
import { serveManifest } from './serve-manifest.ts'
import { serveReferrers } from './serve-referrers.ts'
import { serveTags } from './serve-tags.ts'

/** The pull API below `/v2` and `/<prefix>/v2` (distribution-spec, Endpoints). */
export function registry(routes: Routes, pool: BufferPool): Middleware {
  return (context, next) => {
    const path = parseRegistryPath(context.req.url ?? '')
    if (!path) return next()
    const request = parseRegistryRequest(context.method, path.url)
    context.state.exchange.kind = request.kind
    if (request.kind === 'ping') return servePing(context, path.prefix, routes)
    return serve(context, request, path.prefix, routes, pool)
  }
}

function servePing(context: Context, prefix: string | undefined, routes: Routes): void {
  if (prefix !== undefined && !routes.hasPrefix(prefix)) {
    throw new RegistryError('NAME_UNKNOWN', 'no upstream of this mirror has that prefix')
  }
  answerJson(context, 200, { ...API_VERSION }, {})
}

type Pull = Exclude<RegistryRequest, { kind: 'ping' }>

async function serve(
  context: Context,
  request: Pull,
  prefix: string | undefined,
  routes: Routes,
  pool: BufferPool,
): Promise<void> {
  const route = routeOf(context, request, prefix, routes)
  switch (request.kind) {
    case 'manifest':
      return serveManifest(context, request, route)
    case 'blob':
      return serveBlob(context, request, route, pool)
    case 'tags':
      return serveTags(context, request, route, prefix)
    case 'referrers':
      return serveReferrers(context, request, route)
  }
}

function routeOf(
  context: Context,
  { repository, ns }: Pull,
  prefix: string | undefined,
  routes: Routes,
): Route {
  const route = routes.find({ repository, ns, prefix, host: context.req.headers.host })
  if (!route) {
    throw new RegistryError('NAME_UNKNOWN', 'no upstream of this mirror serves that', {
      detail: { name: repository, ns },
    })
  }
  context.state.exchange.route = route
  return route
}
