import { UpstreamError } from '../oci/upstream-error.ts'
import type { Clock } from '../util/clock.ts'

/** How long a client waits for upstream where what is known could be served. */
const PATIENCE_MS = 10_000

/** What upstream answers, where that is soon enough. Throws UpstreamError `timeout` where it is not. */
export async function answerInTime<T>(
  asked: Promise<T>,
  registry: string,
  clock: Clock,
): Promise<T> {
  const answered = new AbortController()
  const outOfPatience = async () => {
    await clock.sleep(PATIENCE_MS, answered.signal)
    const message = `${registry} has not answered for ${PATIENCE_MS} ms`
    throw new UpstreamError(registry, 'timeout', message)
  }
  try {
    return await Promise.race([asked, outOfPatience()])
  } finally {
    answered.abort()
  }
}
