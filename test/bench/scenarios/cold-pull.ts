import { pullCold } from '../cold-pull-sample.ts'
import { pull } from '../pull.ts'
import { atMost, type Plan, type Section, type Target } from '../section.ts'
import { Server } from '../servers.ts'
import { fixed, interleave, median, spread, type Samples } from '../statistics.ts'
import { UpstreamProcess, type UpstreamShape } from '../upstream-process.ts'

const IMAGE = { layers: 8, layerBytes: 32 * 1024 * 1024, clients: 1 }
const MEASURED = ['straight', 'entrepot', 'docker-registry'] as const
const LATENCY_MS = 20
const SHAPES = {
  '100 MB/s, 20 ms a request': { latencyMs: LATENCY_MS, bytesPerSecond: 100e6 },
  unlimited: {},
} satisfies Record<string, UpstreamShape>
// Timers of the upstream and the processes' own work are in the difference of two first bytes.
const TIMER_SLACK_MS = 5

type Metric =
  | 'wallMs'
  | 'firstLayerByteMs'
  | 'bytesRatio'
  | 'upstreamRequests'
  | 'cpuPerGb'
  | 'failures'
type ByContender = Record<(typeof MEASURED)[number], Samples<Metric>>

export async function coldPull(plan: Plan): Promise<Section> {
  const shaped = await measure(plan, SHAPES['100 MB/s, 20 ms a request'])
  const unlimited = await measure(plan, SHAPES.unlimited)
  return {
    title: 'Cold pull, one client',
    method:
      'One client pulls one image that nobody has pulled before (8 layers x 32 MiB), three layers at a time, straight from upstream or through a server. First byte is that of the first layer, from the start of the pull with its ping, token and manifest.',
    head: [
      'upstream',
      'pulled',
      'wall time, ms',
      'first layer byte, ms',
      'upstream bytes / image bytes',
      'upstream requests',
      'server CPU s/GB',
    ],
    rows: [...rowsOf('100 MB/s, 20 ms a request', shaped), ...rowsOf('unlimited', unlimited)],
    targets: [...shapedTargets(shaped), ...unlimitedTargets(unlimited)],
    samples: { shaped, unlimited },
  }
}

async function measure(plan: Plan, shape: UpstreamShape): Promise<ByContender> {
  await using upstream = await UpstreamProcess.start(shape)
  await using ours = await Server.start('entrepot', upstream.url)
  await using theirs = await Server.start('docker-registry', upstream.url)
  const servers = { entrepot: ours, 'docker-registry': theirs }
  return await interleave(plan.runs, MEASURED, async (name): Promise<Record<Metric, number>> =>
    name === 'straight' ? pullStraight(upstream) : pullCold(servers[name], upstream, IMAGE),
  )
}

async function pullStraight(upstream: UpstreamProcess): Promise<Record<Metric, number>> {
  const image = await upstream.addImage(IMAGE.layers, IMAGE.layerBytes)
  const before = await upstream.counters()
  const { repository } = image
  const pulled = await pull({ port: upstream.port, repository, clients: 1 })
  const after = await upstream.counters()
  return {
    wallMs: pulled.wallMs,
    firstLayerByteMs: pulled.firstLayerByteMs,
    bytesRatio: (after.bytes - before.bytes) / image.sizeBytes,
    upstreamRequests: after.requests - before.requests,
    cpuPerGb: 0,
    failures: pulled.failures,
  }
}

function rowsOf(upstream: string, samples: ByContender): string[][] {
  return MEASURED.map((name) => {
    const sample = samples[name]
    return [
      upstream,
      name,
      spread(sample.wallMs, 0),
      spread(sample.firstLayerByteMs, 1),
      spread(sample.bytesRatio, 2),
      fixed(median(sample.upstreamRequests), 0),
      name === 'straight' ? '' : spread(sample.cpuPerGb, 2),
    ]
  })
}

function shapedTargets({ straight, entrepot }: ByContender): Target[] {
  const laterMs = median(entrepot.firstLayerByteMs) - median(straight.firstLayerByteMs)
  return [
    atMost(
      'cold pull, shaped: wall time / straight from upstream',
      1.05,
      median(entrepot.wallMs) / median(straight.wallMs),
    ),
    atMost(
      'cold pull, shaped: first layer byte later than straight (a round trip is 20 ms)',
      LATENCY_MS + TIMER_SLACK_MS,
      laterMs,
      ' ms',
    ),
    atMost('cold pull, shaped: failures', 0, Math.max(...entrepot.failures)),
  ]
}

function unlimitedTargets({ entrepot, 'docker-registry': registry }: ByContender): Target[] {
  return [
    atMost(
      "cold pull, unlimited: wall time / docker-registry's",
      1,
      median(entrepot.wallMs) / median(registry.wallMs),
    ),
    atMost(
      'cold pull, unlimited: upstream bytes / image bytes',
      1.004,
      Math.max(...entrepot.bytesRatio),
    ),
    atMost(
      "cold pull, unlimited: CPU per GB / docker-registry's",
      0.5,
      median(entrepot.cpuPerGb) / median(registry.cpuPerGb),
    ),
    atMost('cold pull, unlimited: failures', 0, Math.max(...entrepot.failures)),
  ]
}
