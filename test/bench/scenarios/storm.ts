import { pullCold, type ColdMetric } from '../cold-pull-sample.ts'
import { atMost, type Plan, type Section, type Target } from '../section.ts'
import { CONTENDERS, Server, type Contender } from '../servers.ts'
import { fixed, interleave, median, spread, type Samples } from '../statistics.ts'
import { UpstreamProcess } from '../upstream-process.ts'

const LAYERS = 8
const LAYER_BYTES = 32 * 1024 * 1024

export async function storm(plan: Plan): Promise<Section> {
  const rows: string[][] = []
  const targets: Target[] = []
  const samples: Record<string, unknown> = {}
  for (const clients of plan.stormClients) {
    const sample = await measure(plan, clients)
    samples[clients] = sample
    for (const contender of CONTENDERS) rows.push(rowOf(clients, contender, sample[contender]))
    targets.push(...targetsOf(clients, sample))
  }
  return {
    title: 'Cold storm',
    method: `All clients pull one image that nobody has pulled before (${LAYERS} layers x 32 MiB) in the same moment, each with three connections. Upstream is unlimited, on loopback; it and the clients share the cores with the server. CPU is per GB delivered.`,
    head: [
      'clients',
      'server',
      'wall time, s',
      'upstream bytes / image bytes',
      'upstream requests',
      'failures',
      'server CPU s/GB',
      'peak RSS, MiB',
    ],
    rows,
    targets,
    samples,
  }
}

async function measure(
  plan: Plan,
  clients: number,
): Promise<Record<Contender, Samples<ColdMetric>>> {
  await using upstream = await UpstreamProcess.start()
  await using ours = await Server.start('entrepot', upstream.url)
  await using theirs = await Server.start('docker-registry', upstream.url)
  const servers = { entrepot: ours, 'docker-registry': theirs }
  return await interleave(plan.runs, CONTENDERS, (contender) =>
    pullCold(servers[contender], upstream, { layers: LAYERS, layerBytes: LAYER_BYTES, clients }),
  )
}

function rowOf(clients: number, contender: Contender, sample: Samples<ColdMetric>): string[] {
  const seconds = sample.wallMs.map((ms) => ms / 1000)
  const mebibytes = sample.peakRssBytes.map((bytes) => bytes / 1024 / 1024)
  return [
    String(clients),
    contender,
    spread(seconds, 2),
    spread(sample.bytesRatio, 3),
    fixed(median(sample.upstreamRequests), 0),
    String(sample.failures.reduce((sum, failures) => sum + failures, 0)),
    spread(sample.cpuPerGb, 2),
    spread(mebibytes, 0),
  ]
}

function targetsOf(clients: number, sample: Record<Contender, Samples<ColdMetric>>): Target[] {
  const { entrepot, 'docker-registry': registry } = sample
  const what = `storm of ${clients}`
  return [
    atMost(`${what}: upstream bytes / image bytes`, 1.01, Math.max(...entrepot.bytesRatio)),
    atMost(`${what}: failures`, 0, Math.max(...entrepot.failures)),
    atMost(
      `${what}: wall time / docker-registry's`,
      1,
      median(entrepot.wallMs) / median(registry.wallMs),
    ),
  ]
}
