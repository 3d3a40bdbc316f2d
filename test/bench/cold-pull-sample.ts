import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pull } from './pull.ts'
import type { Server } from './servers.ts'
import { untilSettled } from './settled.ts'
import type { UpstreamProcess } from './upstream-process.ts'

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
