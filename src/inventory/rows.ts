import type { Descriptor } from '../oci/descriptor.ts'
import type { Content } from './inventory.ts'
import type { Schema } from './schema.ts'

export type ContentRow = Schema['content']

/** A descriptor as columns. */
export function columnsOf({ digest, mediaType, sizeBytes }: Descriptor) {
  return { digest, media_type: mediaType, size_bytes: sizeBytes }
}

export function descriptorOf(row: ReturnType<typeof columnsOf>): Descriptor {
  return { mediaType: row.media_type, digest: row.digest, sizeBytes: row.size_bytes }
}

export function contentOf(row: ContentRow): Content {
  return {
    ...descriptorOf(row),
    kind: row.kind,
    storedAtMs: row.stored_at_ms,
    usedAtMs: row.used_at_ms,
  }
}
