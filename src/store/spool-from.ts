import { createHash } from 'node:crypto'
import { algorithmOf, type Digest, finishDigest } from '../oci/digest.ts'
import type { ByteReader } from '../util/byte-reader.ts'
import type { Spool } from './spool.ts'

const CHUNK_BYTES = 256 * 1024

/**
 * Appends all that is read to a spool; returns what it hashes to, by the algorithm of the digest
 * that it should have. Throws what reading throws, StoreError, and the signal's reason.
 */
export async function spoolFrom(
  reader: Pick<ByteReader, 'read'>,
  spool: Spool,
  expected: Digest,
  signal: AbortSignal,
): Promise<Digest> {
  const algorithm = algorithmOf(expected)
  const hash = createHash(algorithm)
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (;;) {
    signal.throwIfAborted()
    const count = await reader.read(chunk)
    if (count === 0) return finishDigest(algorithm, hash)
    const bytes = chunk.subarray(0, count)
    hash.update(bytes)
    await spool.append(bytes)
  }
}
