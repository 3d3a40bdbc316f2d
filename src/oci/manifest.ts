import { parseDescriptor, type Descriptor } from './descriptor.ts'
import { isObject, parseObject } from './json.ts'

/** The four manifest types that are kept and served; Docker Hub has no others. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const

export type ManifestType = (typeof MANIFEST_TYPES)[number]

/** Larger manifests are refused; the spec asks registries to take at least this (Pushing Manifests). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024

/** What a manifest names: of an index the manifests, of an image the config and the layers. */
export interface ManifestContent {
  mediaType: ManifestType
  manifests: Descriptor[]
  blobs: Descriptor[]
}

/** The media type of a `Content-Type` header if it is a manifest's; parameters are dropped. */
export function parseManifestType(contentType: string): ManifestType | undefined {
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase()
  return MANIFEST_TYPES.find((type) => type === essence)
}

/** True for the types of Docker's schema 1, which no current client takes any more. */
export function isSchema1Type(contentType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)\b/i.test(
    contentType,
  )
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === MANIFEST_TYPES[0] || mediaType === MANIFEST_TYPES[2]
}

/**
 * Reads what a manifest names. `undefined` where the bytes are not a manifest of that type: not
 * JSON, schema 1, or with descriptors that are none. Fields that are not known are let through.
 */
export function parseManifest(
  mediaType: ManifestType,
  bytes: Uint8Array,
): ManifestContent | undefined {
  const json = parseObject(bytes)
  if (!json || json['schemaVersion'] !== 2) return undefined
  if (json['mediaType'] !== undefined && json['mediaType'] !== mediaType) return undefined
  if (isIndexType(mediaType)) {
    const manifests = descriptorsOf(json['manifests'])
    return manifests && { mediaType, manifests, blobs: [] }
  }
  const blobs = descriptorsOf([json['config'], ...listOf(json['layers'])])
  return blobs && { mediaType, manifests: [], blobs }
}

/**
 * Reads bytes of which nobody has said that they are a manifest. OCI's types may leave their own
 * media type out (image-spec manifest.md, mediaType), and are then told by what they must have.
 */
export function recognizeManifest(bytes: Uint8Array): ManifestContent | undefined {
  const json = parseObject(bytes)
  const type = json && typeOf(json)
  return type && parseManifest(type, bytes)
}

function typeOf(json: Record<string, unknown>): ManifestType | undefined {
  const { mediaType, manifests, config, layers } = json
  if (typeof mediaType === 'string') return MANIFEST_TYPES.find((type) => type === mediaType)
  if (Array.isArray(manifests)) return MANIFEST_TYPES[0]
  return isObject(config) && Array.isArray(layers) ? MANIFEST_TYPES[1] : undefined
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function descriptorsOf(value: unknown): Descriptor[] | undefined {
  const descriptors: Descriptor[] = []
  for (const item of listOf(value)) {
    const descriptor = parseDescriptor(item)
    if (!descriptor) return undefined
    descriptors.push(descriptor)
  }
  return descriptors
}
