import { parseDescriptor, type Descriptor } from './descriptor.ts'
import { parseDigest, type Digest } from './digest.ts'
import { isObject, parseObject } from './json.ts'
import { parsePlatformObject, type Platform } from './platform.ts'

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
  manifests: IndexEntry[]
  blobs: Descriptor[]
}

/** A manifest that an index names (image-spec image-index.md). */
export interface IndexEntry extends Descriptor {
  platform: Platform | undefined
  /** The manifest that it is an attestation of, as BuildKit says it. */
  attests: Digest | undefined
}

const IMAGE_CONFIG_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])

const IMAGE_LAYER_TYPE = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./

/**
 * Whether clients want all the blobs of an image manifest. Of an artifact, such as a signature,
 * they take what they like: some have the config of an image, but never its layers (image-spec
 * manifest.md, Guidelines for Artifact Usage).
 */
export function isImage({ blobs: [config, ...layers] }: ManifestContent): boolean {
  if (!config || !IMAGE_CONFIG_TYPES.has(config.mediaType)) return false
  return layers.length === 0 || layers.some(({ mediaType }) => IMAGE_LAYER_TYPE.test(mediaType))
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

/** True for layers that a registry need not have: clients get them elsewhere (image-spec layer.md, Non-Distributable Layers). */
export function isForeignLayer({ mediaType }: Descriptor): boolean {
  return /\.(?:nondistributable|foreign)\./.test(mediaType)
}

/**
 * Reads what a manifest names. `undefined` where the bytes are not a manifest of that type: not
 * JSON, schema 1, with descriptors that are none, or what one client could take for an image and
 * another for an index. Fields that are not known are let through.
 */
export function parseManifest(
  mediaType: ManifestType,
  bytes: Uint8Array,
): ManifestContent | undefined {
  const json = parseObject(bytes)
  if (!json || json['schemaVersion'] !== 2) return undefined
  if (json['mediaType'] !== undefined && json['mediaType'] !== mediaType) return undefined
  const { config, layers } = json
  if (isIndexType(mediaType)) {
    if (config !== undefined || layers !== undefined) return undefined
    const manifests = allOf(json['manifests'], indexEntryOf)
    return manifests && { mediaType, manifests, blobs: [] }
  }
  if (json['manifests'] !== undefined) return undefined
  const blobs = allOf([config, ...listOf(layers)], parseDescriptor)
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

/** `undefined` where one of them is not what it should be. */
function allOf<T>(value: unknown, read: (item: unknown) => T | undefined): T[] | undefined {
  const all: T[] = []
  for (const item of listOf(value)) {
    const one = read(item)
    if (!one) return undefined
    all.push(one)
  }
  return all
}

function indexEntryOf(value: unknown): IndexEntry | undefined {
  const descriptor = parseDescriptor(value)
  if (!descriptor || !isObject(value)) return undefined
  const { platform, annotations } = value
  const attested = isObject(annotations) ? annotations['vnd.docker.reference.digest'] : undefined
  const attests = typeof attested === 'string' ? parseDigest(attested) : undefined
  return { ...descriptor, platform: parsePlatformObject(platform), attests }
}
