import { S3Server } from '../../support/s3-server.ts'
import { pullCold } from '../cold-pull-sample.ts'
import { drain } from '../load.ts'
import { atLeast, atMost, type Plan, type Section, type Target } from '../section.ts'
import { registryOnS3, Server } from '../servers.ts'
import { interleave, median, spread } from '../statistics.ts'
import { UpstreamProcess } from '../upstream-process.ts'
import { warm } from '../warm.ts'

const KIB = 1024
const MIB = 1024 * KIB
const CLIENTS = 64
const MEASURED = ['file', 'read cache', 's3', 'docker-registry on s3'] as const
const SIZES = [16 * KIB, MIB, 64 * MIB]
const MIN_CACHE_RATIO = 0.95
const MAX_RSS_MIB = 512
const STORM = { layers: 8, layerBytes: 32 * MIB, clients: 50 }

export async function s3Blobs(plan: Plan): Promise<Section> {
  await using upstream = await UpstreamProcess.start()
  await using s3 = await S3Server.start()
  const bucket = await s3.makeBucket()
  const store = (prefix: string) => s3.store({ ...bucket, prefix })
  const ours = (config: Record<string, unknown>) =>
    Server.start('entrepot', upstream.url, { config })
  await using file = await ours({})
  await using cached = await ours({ store: { ...store('cached'), cache: {} } })
  await using bare = await ours({ store: store('bare') })
  const config = registryOnS3(bucket)
  await using registry = await Server.start('docker-registry', upstream.url, { config })
  const servers = {
    file,
    'read cache': cached,
    s3: bare,
    'docker-registry on s3': registry,
  }

  const rows: string[][] = []
  const targets: Target[] = []
  const samples: Record<string, unknown> = {}
  for (const sizeBytes of SIZES) {
    const image = await upstream.addImage(1, sizeBytes)
    for (const name of MEASURED) await warm(servers[name], upstream, image)
    const path = `/v2/${image.repository}/blobs/${image.blobs.at(-1)!}`
    const sample = await interleave(plan.runs, MEASURED, async (name) => {
      const server = servers[name]
      server.resetPeakRss()
      const cpuBefore = server.cpuSeconds
      const { windowMs } = plan
      const result = await drain({ port: server.port, path, connections: CLIENTS, windowMs })
      return {
        megabytesPerSecond: result.bytes / 1e6 / result.seconds,
        requestsPerSecond: result.requests / result.seconds,
        cpuPerGb: (server.cpuSeconds - cpuBefore) / (result.bytes / 1e9),
        peakRssMib: server.peakRssBytes / MIB,
      }
    })
    const what = sizeBytes < MIB ? `${sizeBytes / KIB} KiB` : `${sizeBytes / MIB} MiB`
    samples[what] = sample
    for (const name of MEASURED) {
      const { megabytesPerSecond, requestsPerSecond, cpuPerGb, peakRssMib } = sample[name]
      rows.push([
        what,
        name,
        spread(megabytesPerSecond, 0),
        spread(requestsPerSecond, 0),
        spread(cpuPerGb, 2),
        spread(peakRssMib, 0),
      ])
    }
    const ratio = (metric: keyof (typeof sample)['s3'], one: Measured, other: Measured) =>
      median(sample[one][metric]) / median(sample[other][metric])
    const [files, copies, alone, theirs] = MEASURED
    targets.push(
      atLeast(
        `${what} from the read cache: MB/s / the file store's`,
        MIN_CACHE_RATIO,
        ratio('megabytesPerSecond', copies, files),
      ),
      atLeast(
        `${what} from S3: MB/s / docker-registry's`,
        1,
        ratio('megabytesPerSecond', alone, theirs),
      ),
      atMost(`${what} from S3: peak RSS`, MAX_RSS_MIB, median(sample.s3.peakRssMib), ' MiB'),
    )
    // Of large ones hardly any is whole within the time.
    if (sizeBytes <= MIB) {
      const least = ratio('requestsPerSecond', alone, theirs)
      targets.push(atLeast(`${what} from S3: requests/s / docker-registry's`, 1, least))
    }
  }
  const storm = await pullCold(bare, upstream, STORM)
  samples['storm'] = storm
  targets.push(
    atMost('cold storm of 50 on S3: upstream bytes / image bytes', 1.01, storm.bytesRatio),
    atMost('cold storm of 50 on S3: failures', 0, storm.failures),
  )
  return {
    title: 'Blobs in S3',
    method: `One blob, ${CLIENTS} clients ask for it over and over for ${plan.windowMs / 1000} s, each on one connection. All but the file store keep it in one bucket of versitygw on this machine; docker-registry passes the bytes on instead of redirecting; what entrepot's clients read at once comes from S3 once, through 32 MiB of memory. Requests are whole answers; CPU and memory are those of the mirror, and not of versitygw. Then 50 clients pull one image of 8 layers x 32 MiB that nobody has pulled before.`,
    head: ['blob', 'server', 'MB/s', 'requests/s', 'server CPU s/GB', 'peak RSS MiB'],
    rows,
    targets,
    samples,
  }
}

type Measured = (typeof MEASURED)[number]
