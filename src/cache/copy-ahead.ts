import { readExactly, type ByteReader } from '../util/byte-reader.ts'
import { heldBackFrom } from './verifying-reader.ts'

/** Bytes are taken in portions of at most this; a copy holds two of them. */
const CHUNK_BYTES = 256 * 1024

/**
 * Copies a blob of `sizeBytes`: the next chunk is read while the last is being appended, and the
 * end that is held back from followers is appended at once. One append at a time; when it
 * rejects, none is under way any more.
 */
export async function copyAhead(
  reader: ByteReader,
  sizeBytes: number,
  append: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const openEnd = heldBackFrom(sizeBytes)
  const first = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, openEnd))
  let [next, last] = [first, Buffer.allocUnsafeSlow(first.length)]
  let position = 0
  let appending = Promise.resolve()
  try {
    while (position < openEnd) {
      const into = next.subarray(0, openEnd - position)
      const [count] = await Promise.all([reader.read(into), appending])
      position += count
      appending = append(next.subarray(0, count))
      ;[next, last] = [last, next]
    }
  } finally {
    await Promise.allSettled([appending])
  }
  await appending
  await append(await readExactly(reader, sizeBytes - openEnd))
}
