import { load } from '../load.ts'
import { atLeast, atMost, type Plan, type Section, type Target } from '../section.ts'
import { CONTENDERS, Server } from '../servers.ts'
import { untilSettled } from '../settled.ts'
import { fixed, interleave, median, spread } from '../statistics.ts'
import { UpstreamProcess } from '../upstream-process.ts'
import { warm } from '../warm.ts'

const CONNECTIONS = 64
const ACCEPT =
  'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json\r\n'

export async function warmManifests(plan: Plan): Promise<Section> {
  await using upstream = await UpstreamProcess.start()
  await using ours = await Server.start('entrepot', upstream.url)
  await using theirs = await Server.start('docker-registry', upstream.url)
  const servers = { entrepot: ours, 'docker-registry': theirs }
  const image = await upstream.addImage(8, 64 * 1024)
  for (const contender of CONTENDERS) await warm(servers[contender], upstream, image)

  const rows: string[][] = []
  const targets: Target[] = []
  const samples: Record<string, unknown> = {}
  for (const [name, reference] of [
    ['digest', image.digest],
    ['tag', 'latest'],
  ] as const) {
    for (const method of ['GET', 'HEAD'] as const) {
      const sample = await interleave(plan.runs, CONTENDERS, async (contender) => {
        const server = servers[contender]
        const before = await upstream.counters()
        const cpuBefore = server.cpuSeconds
        const result = await load({
          port: server.port,
          method,
          path: `/v2/${image.repository}/manifests/${reference}`,
          headers: ACCEPT,
          connections: CONNECTIONS,
          windowMs: plan.windowMs,
        })
        await untilSettled(server, upstream)
        const cpuSeconds = server.cpuSeconds - cpuBefore
        const { requests } = await upstream.counters()
        return {
          requestsPerSecond: result.requests / result.seconds,
          cpuMicroseconds: (cpuSeconds * 1e6) / result.requests,
          upstreamRequests: requests - before.requests,
          upstreamPerRequest: (requests - before.requests) / result.requests,
        }
      })
      const what = `${method} by ${name}`
      samples[what] = sample
      for (const contender of CONTENDERS) {
        const one = sample[contender]
        rows.push([
          what,
          contender,
          spread(one.requestsPerSecond, 0),
          spread(one.cpuMicroseconds, 0),
          fixed(median(one.upstreamPerRequest), 2),
        ])
      }
      const { entrepot, 'docker-registry': registry } = sample
      targets.push(
        atLeast(
          `manifest ${what}: requests/s / docker-registry's`,
          25,
          median(entrepot.requestsPerSecond) / median(registry.requestsPerSecond),
        ),
        atMost(
          `manifest ${what}: upstream requests while fresh`,
          0,
          Math.max(...entrepot.upstreamRequests),
        ),
      )
    }
  }
  return {
    title: 'Warm manifests',
    method: `One manifest of 8 layers, ${CONNECTIONS} connections, each with one request at a time, for ${plan.windowMs / 1000} s.`,
    head: ['request', 'server', 'requests/s', 'server CPU, us a request', 'upstream requests each'],
    rows,
    targets,
    samples,
  }
}
