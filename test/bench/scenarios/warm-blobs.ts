import { encodedOf, type Digest } from '../../../src/oci/digest.ts'
import { drain } from '../load.ts'
import { Nginx } from '../nginx.ts'
import { atLeast, atMost, type Plan, type Section, type Target } from '../section.ts'
import { CONTENDERS, Server } from '../servers.ts'
import { fixed, interleave, median, spread } from '../statistics.ts'
import { UpstreamProcess, type BenchImage } from '../upstream-process.ts'
import { warm } from '../warm.ts'

const MIB = 1024 * 1024
const CLIENTS = [8, 64]
const MEASURED = [...CONTENDERS, 'nginx'] as const
const MAX_CPU_RATIO = 0.85

export async function warmBlobs(plan: Plan): Promise<Section> {
  await using upstream = await UpstreamProcess.start()
  await using ours = await Server.start('entrepot', upstream.url)
  await using theirs = await Server.start('docker-registry', upstream.url)
  await using nginx = await Nginx.start(theirs.dataFolder)
  const servers = { entrepot: ours, 'docker-registry': theirs, nginx }

  const rows: string[][] = []
  const targets: Target[] = []
  const samples: Record<string, unknown> = {}
  for (const { sizeBytes, minRatio } of plan.blobs) {
    const image = await upstream.addImage(1, sizeBytes)
    for (const contender of CONTENDERS) await warm(servers[contender], upstream, image)
    for (const clients of CLIENTS) {
      const sample = await interleave(plan.runs, MEASURED, async (name) => {
        const server = servers[name]
        const cpuBefore = server.cpuSeconds
        const path = name === 'nginx' ? pathInStore(image) : pathOf(image)
        const { windowMs } = plan
        const result = await drain({ port: server.port, path, connections: clients, windowMs })
        const gigabytes = result.bytes / 1e9
        return {
          megabytesPerSecond: result.bytes / 1e6 / result.seconds,
          cpuPerGb: (server.cpuSeconds - cpuBefore) / gigabytes,
          clientCpuPerGb: result.clientCpuSeconds / gigabytes,
        }
      })
      const what = `${sizeBytes / MIB} MiB, ${clients} clients`
      samples[what] = sample
      for (const name of MEASURED) {
        const { megabytesPerSecond, cpuPerGb, clientCpuPerGb } = sample[name]
        rows.push([
          what,
          name,
          spread(megabytesPerSecond, 0),
          spread(cpuPerGb, 2),
          fixed(median(clientCpuPerGb), 2),
        ])
      }
      const { entrepot, 'docker-registry': registry } = sample
      targets.push(
        atLeast(
          `blobs of ${what}: MB/s / docker-registry's`,
          minRatio,
          median(entrepot.megabytesPerSecond) / median(registry.megabytesPerSecond),
        ),
        atMost(
          `blobs of ${what}: CPU per GB / docker-registry's`,
          MAX_CPU_RATIO,
          median(entrepot.cpuPerGb) / median(registry.cpuPerGb),
        ),
      )
    }
  }
  return {
    title: 'Warm blobs',
    method: `One blob, each client asks for it over and over on one connection for ${plan.windowMs / 1000} s. nginx sends docker-registry's own file with sendfile from two workers: what the machine and the client can do at best. The client has the kernel drop the bytes (MSG_TRUNC).`,
    head: ['blob', 'server', 'MB/s', 'server CPU s/GB', 'client CPU s/GB'],
    rows,
    targets,
    samples,
  }
}

function pathOf(image: BenchImage): string {
  return `/v2/${image.repository}/blobs/${layerOf(image)}`
}

/** Where docker-registry keeps it. */
function pathInStore(image: BenchImage): string {
  const hex = encodedOf(layerOf(image))
  return `/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`
}

function layerOf(image: BenchImage): Digest {
  return image.blobs.at(-1)!
}
