import { targetOf, type Reference } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { RegistryRequest } from '../oci/registry-request.ts'
import type { Route } from '../policy/routes.ts'
import { answer, answerHeaders } from './answer.ts'
import { isNotModified } from './conditions.ts'
import { CACHE_CONTROL, contentHeaders } from './content-headers.ts'
import type { Context } from './exchange.ts'

/** GET and HEAD of a manifest (distribution-spec, Pulling manifests); HEAD needs no bytes. */
export async function serveManifest(
  context: Context,
  request: Extract<RegistryRequest, { kind: 'manifest' }>,
  { source, repository }: Route,
): Promise<void> {
  const { exchange } = context.state
  const reference: Reference = { ...request.reference, repository }
  exchange.reference = targetOf(reference)
  const { signal } = exchange
  const manifest = request.isHead ? undefined : await source.manifest(reference, { signal })
  const found = request.isHead ? await source.resolve(reference, { signal }) : manifest
  if (!found) {
    throw new RegistryError('MANIFEST_UNKNOWN', 'unknown manifest', {
      detail: { name: request.repository, reference: exchange.reference },
    })
  }
  exchange.outcome = found.outcome
  const { digest, mediaType, sizeBytes } = found.descriptor
  if (manifest) exchange.action = { name: 'pull', kind: 'manifest', content: found.descriptor }
  const headers = contentHeaders(found, request.ns)
  headers['Cache-Control'] = CACHE_CONTROL[reference.kind]
  if (isNotModified(context.req.headers, digest)) return answerHeaders(context, 304, headers)
  headers['Content-Type'] = mediaType
  if (manifest) return answer(context, 200, headers, manifest.bytes)
  headers['Content-Length'] = sizeBytes
  answerHeaders(context, 200, headers)
}
