import { parseObject } from '../oci/json.ts'
import { isSchema1Type, parseManifestType, type ManifestType } from '../oci/manifest.ts'

/** What a manifest is: one of the four types, schema 1, or nothing we know. */
export type ClaimedType = ManifestType | 'schema1' | undefined

/** By its `Content-Type`. */
export function typeOfHeader(contentType: string): ClaimedType {
  return isSchema1Type(contentType) ? 'schema1' : parseManifestType(contentType)
}

/** By what it says of itself, for answers whose `Content-Type` says nothing. */
export function typeOfContent(bytes: Uint8Array): ClaimedType {
  const json = parseObject(bytes) ?? {}
  if (json['schemaVersion'] === 1) return 'schema1'
  const { mediaType } = json
  return typeof mediaType === 'string' ? typeOfHeader(mediaType) : undefined
}
