/**
 * A run of bytes that its reader pulls into memory of its own. One read at a time; whoever opened
 * the reader disposes it, which also stops the producer and rejects a read that is waiting.
 */
export interface ByteReader extends AsyncDisposable {
  /**
   * Waits until at least one byte is there, copies what is there and fits into `into`, and
   * returns the number of bytes copied; 0 means the end. Rejects when the bytes cannot be had.
   */
  read(into: Uint8Array): Promise<number>
}

/** Reads all of it; for content that is known to be small. Rejects with RangeError past `limitBytes`. */
export async function readAll(reader: ByteReader, limitBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let total = 0
  for (;;) {
    const part = Buffer.allocUnsafe(Math.min(64 * 1024, limitBytes - total + 1))
    const count = await reader.read(part)
    if (count === 0) return Buffer.concat(parts, total)
    total += count
    if (total > limitBytes) throw new RangeError(`more than ${limitBytes} bytes`)
    parts.push(part.subarray(0, count))
  }
}

/** Reads `length` bytes, which the caller knows to be there. Rejects with RangeError where they end before. */
export async function readExactly(reader: ByteReader, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length)
  let position = 0
  while (position < length) {
    const count = await reader.read(bytes.subarray(position))
    if (count === 0) throw new RangeError(`${position} bytes where ${length} were promised`)
    position += count
  }
  return bytes
}

/** A reader over bytes in memory. */
export function readerOf(bytes: Uint8Array): ByteReader {
  let position = 0
  return {
    read(into) {
      const part = bytes.subarray(position, position + into.length)
      into.set(part)
      position += part.length
      return Promise.resolve(part.length)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
