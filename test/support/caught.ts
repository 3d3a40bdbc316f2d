/** What the promise rejects with; throws where it does not. */
export async function caught(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('error' in settled) return settled.error
  throw new Error(`resolved with ${String(settled.value)}`)
}
