import { parseDescriptor, type Descriptor } from './descriptor.ts'
import { algorithmOf, encodedOf, type Digest } from './digest.ts'
import { isObject, parseObject } from './json.ts'
import type { Tag } from './reference.ts'

/** A list of referrers is an index of them (distribution-spec, Listing Referrers). */
export const REFERRERS_TYPE = 'application/vnd.oci.image.index.v1+json'

/** A manifest whose `subject` is another: a signature, an attestation, a bill of materials. */
export interface Referrer extends Descriptor {
  artifactType?: string
  annotations?: Readonly<Record<string, string>>
}

/** All where left out. */
export interface ReferrerFilter {
  artifactType?: string
}

/** Digests in tags are cut to this length (distribution-spec, Referrers Tag Schema). */
const MAX_ENCODED_LENGTH = 64

/** Where a registry without the API keeps the list (distribution-spec, Referrers Tag Schema). */
export function referrersTag(digest: Digest): Tag {
  return `${algorithmOf(digest)}-${encodedOf(digest).slice(0, MAX_ENCODED_LENGTH)}` as Tag
}

export function filterReferrers(
  referrers: readonly Referrer[],
  { artifactType }: ReferrerFilter,
): readonly Referrer[] {
  if (artifactType === undefined) return referrers
  return referrers.filter((referrer) => referrer.artifactType === artifactType)
}

/** Reads a list. Entries that are no descriptors are left out; `undefined` where it is no index. */
export function parseReferrers(bytes: Uint8Array): Referrer[] | undefined {
  const index = parseObject(bytes)
  const { schemaVersion, mediaType = REFERRERS_TYPE, manifests } = index ?? {}
  if (schemaVersion !== 2 || mediaType !== REFERRERS_TYPE) return undefined
  // Some write null where there are none.
  if (manifests === null) return []
  if (!Array.isArray(manifests)) return undefined
  return manifests.map(parseReferrer).filter((referrer) => referrer !== undefined)
}

/** What `parseReferrers` reads. */
export function formatReferrers(referrers: readonly Referrer[]): string {
  const manifests = referrers.map(({ sizeBytes: size, mediaType, digest, ...rest }) => ({
    mediaType,
    digest,
    size,
    ...rest,
  }))
  return JSON.stringify({ schemaVersion: 2, mediaType: REFERRERS_TYPE, manifests })
}

/** What a manifest refers to, and what a list says of it then (distribution-spec, Listing Referrers). */
export interface Referring {
  subject: Digest
  referrer: Referrer
}

/** `undefined` for a manifest that refers to nothing. */
export function referringOf(manifest: Descriptor, bytes: Uint8Array): Referring | undefined {
  const json = parseObject(bytes)
  const subject = parseDescriptor(json?.['subject'])
  if (!json || !subject) return undefined
  const { artifactType, config, annotations } = json
  const configType = isObject(config) ? config['mediaType'] : undefined
  const type = isText(artifactType) ? artifactType : configType
  return {
    subject: subject.digest,
    referrer: {
      ...manifest,
      ...(isText(type) && { artifactType: type }),
      ...(isAnnotations(annotations) && { annotations }),
    },
  }
}

function parseReferrer(value: unknown): Referrer | undefined {
  const descriptor = parseDescriptor(value)
  if (!descriptor || !isObject(value)) return undefined
  const { artifactType, annotations } = value
  return {
    ...descriptor,
    ...(isText(artifactType) && { artifactType }),
    ...(isAnnotations(annotations) && { annotations }),
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isAnnotations(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string')
}
