/**
 * Makes large chunks of small ones: each but the last is `chunkBytes` long. A chunk is good until the
 * next but one is asked for. What came before the source fails is given out before the failure.
 */
export async function* gather(
  source: AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncIterable<Uint8Array> {
  let [filling, other] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)]
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
    }
  } catch (error) {
    failure = { error }
  }
  if (length > 0) yield filling.subarray(0, length)
  if (failure) throw failure.error
}
