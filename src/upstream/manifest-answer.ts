import { algorithmOf, digestOf, parseDigest, type Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, type ManifestType } from '../oci/manifest.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import type { Manifest, Resolved } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { readAll } from '../util/byte-reader.ts'
import { typeOfContent, typeOfHeader, type ClaimedType } from './manifest-type.ts'
import type { TransportResponse } from './exchange.ts'

/**
 * What the answer to a HEAD tells; `undefined` where it does not tell all of type, digest and
 * size, so that a GET has to. Throws UpstreamError `invalid`.
 */
export function resolvedOfAnswer(
  upstream: string,
  ref: Reference,
  { headers, declaredBytes }: TransportResponse,
): Resolved | undefined {
  const named = digestOfHeader(headers['docker-content-digest'])
  const digest = ref.kind === 'digest' ? ref.digest : named
  const mediaType = supported(upstream, ref, typeOfHeader(headers['content-type'] ?? ''))
  if (ref.kind === 'digest' && named && named !== ref.digest) {
    throw invalid(upstream, ref, `came as ${named}`)
  }
  // No manifest is empty: some tell 0 for what they do not tell.
  if (!digest || !mediaType || !declaredBytes) return undefined
  if (declaredBytes > MAX_MANIFEST_BYTES) throw tooLarge(upstream, ref)
  return { descriptor: { mediaType, digest, sizeBytes: declaredBytes }, outcome: 'bypass' }
}

/**
 * The manifest that the answer to a GET is, its digest verified: against the one that was asked
 * for; of a tag against the one that upstream names, if it names one. Throws UpstreamError `invalid`.
 */
export async function manifestOfAnswer(
  upstream: string,
  ref: Reference,
  { headers, declaredBytes, body }: TransportResponse,
): Promise<Manifest> {
  if (declaredBytes !== undefined && declaredBytes > MAX_MANIFEST_BYTES) {
    throw tooLarge(upstream, ref)
  }
  const bytes = await readAll(body, MAX_MANIFEST_BYTES).catch((cause: unknown) => {
    throw cause instanceof RangeError ? tooLarge(upstream, ref, cause) : cause
  })
  const mediaType =
    supported(upstream, ref, typeOfHeader(headers['content-type'] ?? '')) ??
    supported(upstream, ref, typeOfContent(bytes))
  if (!mediaType) {
    throw invalid(upstream, ref, 'is of a type that is no manifest of an image or index')
  }
  const expected =
    ref.kind === 'digest' ? ref.digest : digestOfHeader(headers['docker-content-digest'])
  const digest = digestOf(bytes, expected && algorithmOf(expected))
  if (expected && digest !== expected) {
    throw invalid(upstream, ref, `came with wrong bytes: ${digest} instead of ${expected}`)
  }
  const descriptor = { mediaType, digest, sizeBytes: bytes.length }
  return { descriptor, bytes, outcome: 'bypass' }
}

function supported(upstream: string, ref: Reference, type: ClaimedType): ManifestType | undefined {
  if (type !== 'schema1') return type
  throw invalid(
    upstream,
    ref,
    'is of schema 1, which is no longer supported by any current client; it has to be pushed again with a current one',
  )
}

function digestOfHeader(header: string | string[] | undefined): Digest | undefined {
  return typeof header === 'string' ? parseDigest(header) : undefined
}

function tooLarge(upstream: string, ref: Reference, cause?: RangeError): UpstreamError {
  return invalid(upstream, ref, 'is larger than 4 MiB', cause)
}

function invalid(upstream: string, ref: Reference, what: string, cause?: Error): UpstreamError {
  const message = `${upstream}: the manifest ${formatReference(ref)} ${what}`
  return new UpstreamError(upstream, 'invalid', message, cause && { cause })
}
