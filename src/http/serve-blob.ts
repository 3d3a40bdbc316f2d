import { rangeLength } from '../oci/range.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { RegistryRequest } from '../oci/registry-request.ts'
import type { Resolved } from '../oci/source.ts'
import type { Route } from '../policy/routes.ts'
import { answerHeaders } from './answer.ts'
import type { BufferPool } from './buffer-pool.ts'
import { isNotModified, requestedRange } from './conditions.ts'
import { CACHE_CONTROL, contentHeaders } from './content-headers.ts'
import type { Context } from './exchange.ts'
import type { Redirect, Redirects } from './redirects.ts'
import { sendBlob } from './send-blob.ts'

export interface BlobServing {
  pool: BufferPool
  /** `undefined` where every blob is served from here. */
  redirects: Redirects | undefined
}

type BlobRequest = Extract<RegistryRequest, { kind: 'blob' }>

/** GET, HEAD and single ranges of a blob (distribution-spec, Pulling blobs). */
export async function serveBlob(
  context: Context,
  request: BlobRequest,
  route: Route,
  { pool, redirects }: BlobServing,
): Promise<void> {
  const { req } = context
  context.state.exchange.reference = request.digest
  const isCached = isNotModified(req.headers, request.digest)
  if (isCached || request.isHead) return serveStat(context, request, route, isCached)
  const { signal } = context.state.exchange
  const redirect = await redirects?.find(request.digest, route, req.headers, signal)
  if (redirect) return sendElsewhere(context, request, redirect)
  return serveBytes(context, request, route, pool)
}

function sendElsewhere(context: Context, request: BlobRequest, { found, location }: Redirect) {
  const { exchange } = context.state
  exchange.outcome = found.outcome
  exchange.action = { name: 'pull', kind: 'blob', content: found.descriptor }
  const headers = contentHeaders(found, request.ns)
  headers['Location'] = location.href
  // The link ends before the content does.
  headers['Cache-Control'] = 'no-store'
  headers['Content-Length'] = 0
  answerHeaders(context, 307, headers)
}

/** Answers without the bytes, and without opening them. */
async function serveStat(
  context: Context,
  request: BlobRequest,
  { source, repository }: Route,
  isCached: boolean,
): Promise<void> {
  const { exchange } = context.state
  const { signal } = exchange
  const found = await source.statBlob(repository, request.digest, { signal })
  if (!found) throw unknown(request)
  exchange.outcome = found.outcome
  const headers = blobHeaders(found, request)
  if (isCached) return answerHeaders(context, 304, headers)
  headers['Content-Type'] = found.descriptor.mediaType
  headers['Content-Length'] = found.descriptor.sizeBytes
  answerHeaders(context, 200, headers)
}

async function serveBytes(
  context: Context,
  request: BlobRequest,
  { source, repository }: Route,
  pool: BufferPool,
): Promise<void> {
  const { req, res } = context
  const { exchange } = context.state
  const { signal } = exchange
  const range = requestedRange(req.headers, request.digest)
  const found = await source.blob(repository, request.digest, { signal, ...(range && { range }) })
  if (!found) throw unknown(request)
  exchange.outcome = found.outcome
  exchange.action = { name: 'pull', kind: 'blob', content: found.descriptor }
  const headers = blobHeaders(found, request)
  const lengthBytes = rangeLength(found.range)
  headers['Content-Type'] = found.descriptor.mediaType
  headers['Content-Length'] = lengthBytes
  if (range) {
    const { first, last } = found.range
    headers['Content-Range'] = `bytes ${first}-${last}/${found.descriptor.sizeBytes}`
  }
  context.respond = false
  const status = range ? 206 : 200
  await sendBlob(res, { status, headers, body: found.body, lengthBytes }, pool, exchange)
}

function blobHeaders(found: Resolved, { ns }: BlobRequest) {
  const headers = contentHeaders(found, ns)
  headers['Cache-Control'] = CACHE_CONTROL.digest
  headers['Accept-Ranges'] = 'bytes'
  return headers
}

function unknown({ repository, digest }: BlobRequest): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', 'unknown blob', {
    detail: { name: repository, digest },
  })
}
