import { createHash } from 'node:crypto'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, finishDigest, type Digest } from '../oci/digest.ts'
import type { BlobReader, BlobStore } from '../store/blob-store.ts'
import { StoreError } from '../store/store-error.ts'
import type { Fault } from '../telemetry/metrics.ts'

/** Hashing this much takes a fifth of a millisecond, for which everything else waits. */
const CHUNK_BYTES = 256 * 1024

/** Called with what was read, as it is read; reading goes on when it resolves. */
export type OnRead = (bytes: number) => Promise<void>

/** Reads and hashes content that should be there; `undefined` where it is as it should be. */
export async function findFault(
  store: Pick<BlobStore, 'open'>,
  { digest, sizeBytes }: Pick<Descriptor, 'digest' | 'sizeBytes'>,
  onRead?: OnRead,
): Promise<Fault | undefined> {
  await using reader = await store.open(digest)
  if (!reader) return 'missing'
  if (reader.sizeBytes !== sizeBytes) return 'wrong-size'
  try {
    return (await hashesTo(digest, reader, onRead)) ? undefined : 'wrong-bytes'
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'corrupt') return 'unreadable'
    throw error
  }
}

async function hashesTo(
  digest: Digest,
  reader: BlobReader,
  onRead: OnRead | undefined,
): Promise<boolean> {
  const algorithm = algorithmOf(digest)
  const hash = createHash(algorithm)
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (;;) {
    const count = await reader.read(chunk)
    if (count === 0) return finishDigest(algorithm, hash) === digest
    hash.update(chunk.subarray(0, count))
    await onRead?.(count)
  }
}
