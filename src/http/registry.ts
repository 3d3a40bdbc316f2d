import {
  isRegistryPath,
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
import { serveTags } from './serve-tags.ts'

/** The pull API below `/v2` (distribution-spec, Endpoints). */
export function registry(routes: Routes, pool: BufferPool): Middleware {
  return (context, next) => {
    const url = context.req.url ?? ''
    if (!isRegistryPath(url)) return next()
    return serve(context, parseRegistryRequest(context.method, url), routes, pool)
  }
}

async function serve(
  context: Context,
  request: RegistryRequest,
  routes: Routes,
  pool: BufferPool,
): Promise<void> {
  context.state.exchange.kind = request.kind
  switch (request.kind) {
    case 'ping':
      return answerJson(context, 200, { ...API_VERSION }, {})
    case 'manifest':
      return serveManifest(context, request, routeOf(context, request, routes))
    case 'blob':
      return serveBlob(context, request, routeOf(context, request, routes), pool)
    case 'tags':
      return serveTags(context, request, routeOf(context, request, routes))
  }
}

function routeOf(
  context: Context,
  request: Exclude<RegistryRequest, { kind: 'ping' }>,
  routes: Routes,
): Route {
  const route = routes.find(request)
  if (!route) {
    throw new RegistryError('NAME_UNKNOWN', 'no upstream of this mirror serves that', {
      detail: { name: request.repository, ns: request.ns },
    })
  }
  context.state.exchange.route = route
  return route
}
