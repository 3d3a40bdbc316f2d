/**
 * Does the same work so many times at once. Where one of them fails, their signal ends the others;
 * rejects with that failure when all have ended.
 */
export async function together(
  times: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failing = new AbortController()
  const either = AbortSignal.any([signal, failing.signal])
  const all = Array.from({ length: times }, () => work(either))
  try {
    await Promise.all(all)
  } catch (cause) {
    failing.abort(cause)
    await Promise.allSettled(all)
    throw cause
  }
}
