import { OCTET_STREAM, type Descriptor } from '../../src/oci/descriptor.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { ByteRange } from '../../src/oci/range.ts'
import type { BlobStat, BlobStore } from '../../src/store/blob-store.ts'
import type { Spool, SpoolFolder } from '../../src/store/spool.ts'
import { readAll } from '../../src/util/byte-reader.ts'

const never = new AbortController().signal

export function blobOf(bytes: Uint8Array): Descriptor {
  return { mediaType: OCTET_STREAM, digest: digestOf(bytes), sizeBytes: bytes.length }
}

/** A spool that holds `bytes`; the caller disposes it. */
export async function spoolOf(spools: SpoolFolder, bytes: Uint8Array): Promise<Spool> {
  const spool = await spools.create(digestOf(bytes))
  await spool.append(bytes)
  return spool
}

/** Puts `bytes` the way a fill does. */
export async function putBytes(
  store: BlobStore,
  spools: SpoolFolder,
  bytes: Uint8Array,
  signal: AbortSignal = never,
): Promise<Descriptor> {
  const descriptor = blobOf(bytes)
  await using spool = await spoolOf(spools, bytes)
  await store.put(descriptor, spool, signal)
  return descriptor
}

/** A blob's bytes, or those of a range; undefined where it is absent. */
export async function bytesIn(
  store: Pick<BlobStore, 'open'>,
  { digest, sizeBytes }: Pick<Descriptor, 'digest' | 'sizeBytes'>,
  range?: ByteRange,
): Promise<Buffer | undefined> {
  await using reader = await store.open(digest, range)
  return reader && Buffer.from(await readAll(reader, sizeBytes))
}

/** What the store lists, in order of digest. */
export async function statsOf(store: BlobStore): Promise<BlobStat[]> {
  const stats: BlobStat[] = []
  for await (const stat of store.list()) stats.push(stat)
  return stats.sort(byDigest)
}

export function byDigest(a: BlobStat, b: BlobStat): number {
  return a.digest < b.digest ? -1 : 1
}
