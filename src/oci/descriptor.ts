import type { Digest } from './digest.ts'

/** What content is, which content, and how much of it (image-spec descriptor.md). */
export interface Descriptor {
  mediaType: string
  digest: Digest
  sizeBytes: number
}

/** The media type of a blob: its bytes are opaque here. */
export const OCTET_STREAM = 'application/octet-stream'
