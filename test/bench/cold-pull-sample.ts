import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { pull } from './pull.ts'
import type { Server } from './servers.ts'
import type { UpstreamProcess } from './upstream-process.ts'

const SETTLED_FOR_MS = 300
const SETTLED_WITHIN_MS = 60_000

export interface ColdImage {
  layers: number
  layerBytes: number
  clients: number
}

export type ColdMetric =
  | 'wallMs'
  | 'firstLayerByteMs'
  | 'failures'
  | 'bytesRatio'
  | 'upstreamRequests'
  | 'cpuSeconds'
  | 'cpuPerGb'
  | 'peakRssBytes'

/**
 * Has an image pulled that the server has never seen. What the server goes on to do after the last
 * client is served is in its CPU and in the upstream's counters, not in the time.
 */
export async function pullCold(
  server: Server,
  upstream: UpstreamProcess,
  options: ColdImage,
): Promise<Record<ColdMetric, number>> {
  const image = await upstream.addImage(options.layers, options.layerBytes)
  // What the pull before left for the disk must not slow this one.
  await promisify(execFile)('sync')
  const before = await upstream.counters()
  const cpuBefore = server.cpuSeconds
  server.resetPeakRss()
  const { repository } = image
  const pulled = await pull({ port: server.port, repository, clients: options.clients })
  if (pulled.failures > 0) console.warn(`${server.contender}: ${pulled.errors.join('; ')}`)
  await untilSettled(server, upstream)
  const after = await upstream.counters()
  const cpuSeconds = server.cpuSeconds - cpuBefore
  return {
    wallMs: pulled.wallMs,
    firstLayerByteMs: pulled.firstLayerByteMs,
    failures: pulled.failures,
    bytesRatio: (after.bytes - before.bytes) / image.sizeBytes,
    upstreamRequests: after.requests - before.requests,
    cpuSeconds,
    cpuPerGb: cpuSeconds / (pulled.bytes / 1e9),
    peakRssBytes: server.peakRssBytes,
  }
}

/** Until neither the server nor the upstream works any more: docker-registry stores on its own time. */
async function untilSettled(server: Server, upstream: UpstreamProcess): Promise<void> {
  const deadlineMs = performance.now() + SETTLED_WITHIN_MS
  for (let last = NaN; performance.now() < deadlineMs;) {
    const { bytes } = await upstream.counters()
    const now = bytes + server.cpuSeconds
    // A process that is idle may still tick once.
    if (now - last <= 0.01) return
    last = now
    await sleep(SETTLED_FOR_MS)
  }
  throw new Error(`${server.contender} is still busy with a pull that is over`)
}
