/** Memory for two chunks of the same size. */
export type ChunkPair = readonly [Buffer, Buffer]

export function chunkPair(chunkBytes: number): ChunkPair {
  return [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)]
}

/**
 * Makes large chunks of small ones, in the memory of a pair: each but the last fills one of it. A
 * chunk is good until the next but one is asked for. What the source gives is taken: memory that
 * holds nothing else is freed at once. What came before the source fails is given out before the
 * failure.
 */
export async function* gather(
  source: AsyncIterable<Uint8Array>,
  pair: ChunkPair,
): AsyncIterable<Uint8Array> {
  let [filling, other] = pair
  const chunkBytes = filling.length
  let length = 0
  let failure: { error: unknown } | undefined
  try {
    for await (const bytes of source) {
      for (let taken = 0; taken < bytes.length;) {
        const part = bytes.subarray(taken, taken + chunkBytes - length)
        filling.set(part, length)
        taken += part.length
        length += part.length
        if (length < chunkBytes) continue
        yield filling
        length = 0
        ;[filling, other] = [other, filling]
      }
      free(bytes)
    }
  } catch (error) {
    failure = { error }
  }
  if (length > 0) yield filling.subarray(0, length)
  if (failure) throw failure.error
}

/** Left to V8, which does not see what it holds, it would be freed late; see docs/decisions/0022. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
