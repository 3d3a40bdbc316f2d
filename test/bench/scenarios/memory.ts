import { setTimeout as sleep } from 'node:timers/promises'
import { pullCold } from '../cold-pull-sample.ts'
import { drain } from '../load.ts'
import { atMost, type Plan, type Section } from '../section.ts'
import { CONTENDERS, Server } from '../servers.ts'
import { interleave, median, spread } from '../statistics.ts'
import { UpstreamProcess, type BenchImage } from '../upstream-process.ts'
import { warm } from '../warm.ts'

const MIB = 1024 * 1024
const CLIENTS = 64
const SIZES = [64 * MIB, 512 * MIB] as const
const IDLE_AFTER_MS = 3_000
const STATES = ['idle', 'warm64', 'warm512', 'cold64', 'cold512'] as const
const MAX_GROWTH = 1.25

export async function memory(plan: Plan): Promise<Section> {
  await using upstream = await UpstreamProcess.start()
  const images: BenchImage[] = []
  for (const size of SIZES) images.push(await upstream.addImage(1, size))
  const samples = await interleave(plan.runs, CONTENDERS, async (contender) => {
    await using server = await Server.start(contender, upstream.url)
    await sleep(IDLE_AFTER_MS)
    const idle = server.rssBytes / MIB
    const [warm64 = NaN, warm512 = NaN] = await warmPeaks(server, upstream, images, plan)
    const cold = { layers: 1, clients: CLIENTS }
    const cold64 = await pullCold(server, upstream, { ...cold, layerBytes: SIZES[0] })
    const cold512 = await pullCold(server, upstream, { ...cold, layerBytes: SIZES[1] })
    return {
      idle,
      warm64,
      warm512,
      cold64: cold64.peakRssBytes / MIB,
      cold512: cold512.peakRssBytes / MIB,
    }
  })
  const { entrepot } = samples
  return {
    title: 'Memory',
    method: `Resident memory in MiB, each round with a new process: ${IDLE_AFTER_MS / 1000} s after its start, and the peak while ${CLIENTS} clients pull a blob of 64 or 512 MiB, one that is stored (for ${plan.windowMs / 1000} s) and one that nobody has pulled before.`,
    head: ['server', 'idle', '64 MiB warm', '512 MiB warm', '64 MiB cold', '512 MiB cold'],
    rows: CONTENDERS.map((contender) => [
      contender,
      ...STATES.map((state) => spread(samples[contender][state], 0)),
    ]),
    targets: [
      atMost('idle RSS', 100, median(entrepot.idle), ' MiB'),
      atMost('peak RSS, 64 clients, 512 MiB warm', 250, median(entrepot.warm512), ' MiB'),
      atMost('peak RSS, 64 clients, 512 MiB cold', 250, median(entrepot.cold512), ' MiB'),
      atMost(
        'peak RSS of 512 MiB warm / of 64 MiB warm',
        MAX_GROWTH,
        median(entrepot.warm512) / median(entrepot.warm64),
      ),
      atMost(
        'peak RSS of 512 MiB cold / of 64 MiB cold',
        MAX_GROWTH,
        median(entrepot.cold512) / median(entrepot.cold64),
      ),
    ],
    samples,
  }
}

async function warmPeaks(
  server: Server,
  upstream: UpstreamProcess,
  images: readonly BenchImage[],
  plan: Plan,
): Promise<number[]> {
  const peaks: number[] = []
  for (const image of images) {
    await warm(server, upstream, image)
    server.resetPeakRss()
    await drain({
      port: server.port,
      path: `/v2/${image.repository}/blobs/${image.blobs.at(-1)}`,
      connections: CLIENTS,
      windowMs: plan.windowMs,
    })
    peaks.push(server.peakRssBytes / MIB)
  }
  return peaks
}
