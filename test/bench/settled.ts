import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from './servers.ts'
import type { UpstreamProcess } from './upstream-process.ts'

const SETTLED_FOR_MS = 300
const SETTLED_WITHIN_MS = 60_000

/**
 * Waits until neither the server nor the upstream works any more: docker-registry stores behind
 * its clients' backs, and goes on with requests whose clients have left.
 */
export async function untilSettled(server: Server, upstream: UpstreamProcess): Promise<void> {
  const deadlineMs = performance.now() + SETTLED_WITHIN_MS
  for (let last = NaN; performance.now() < deadlineMs;) {
    const { bytes, requests } = await upstream.counters()
    const now = bytes + requests + server.cpuSeconds
    // A process that is idle may still tick once.
    if (now - last <= 0.01) return
    last = now
    await sleep(SETTLED_FOR_MS)
  }
  throw new Error(`${server.contender} is still busy with what is over`)
}
