import { parseDigest, type Digest } from './digest.ts'
import { isObject } from './json.ts'

/** What content is, which content, and how much of it (image-spec descriptor.md). */
export interface Descriptor {
  mediaType: string
  digest: Digest
  sizeBytes: number
}

/** The media type of a blob: its bytes are opaque here. */
export const OCTET_STREAM = 'application/octet-stream'

/** `undefined` for JSON that is no descriptor, or whose digest is of an algorithm we do not know. */
export function parseDescriptor(value: unknown): Descriptor | undefined {
  if (!isObject(value)) return undefined
  const { mediaType, digest, size } = value
  if (typeof mediaType !== 'string' || typeof digest !== 'string') return undefined
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined
  const parsed = parseDigest(digest)
  return parsed && { mediaType, digest: parsed, sizeBytes: size }
}
