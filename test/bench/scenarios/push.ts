import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { push } from '../push.ts'
import { atLeast, atMost, type Plan, type Section, type Target } from '../section.ts'
import { CONTENDERS, Server } from '../servers.ts'
import { interleave, median, spread } from '../statistics.ts'

const MIB = 1024 * 1024
const SIZES = [
  { sizeBytes: MIB, count: 200, connections: 8, minRatio: 1.5 },
  { sizeBytes: 64 * MIB, count: 8, connections: 4, minRatio: 1 },
  { sizeBytes: 512 * MIB, count: 2, connections: 2, minRatio: 1 },
]

/** Nobody is asked upstream. */
const NOWHERE = 'http://127.0.0.1:1'

const HOSTED = { hosted: { enabled: true }, auth: { anonymous: ['pull', 'push'] } }
const NO_MIRROR = { proxy: undefined }

export async function pushes(plan: Plan): Promise<Section> {
  const rows: string[][] = []
  const targets: Target[] = []
  const samples: Record<string, unknown> = {}
  for (const { sizeBytes, count, connections, minRatio } of SIZES) {
    const what = `${sizeBytes / MIB} MiB, ${connections} clients`
    await using ours = await Server.start('entrepot', NOWHERE, { config: HOSTED })
    await using theirs = await Server.start('docker-registry', NOWHERE, { config: NO_MIRROR })
    const servers = { entrepot: ours, 'docker-registry': theirs }
    let pushed = 0
    const sample = await interleave(plan.runs, CONTENDERS, async (name) => {
      const server = servers[name]
      const { port } = server
      const seed = `${what} ${pushed++}`
      // What the push before left for the disk must not slow this one.
      await promisify(execFile)('sync')
      const cpuBefore = server.cpuSeconds
      server.resetPeakRss()
      const job = { port, repository: 'private/bench', seed, sizeBytes, count, connections }
      const { bytes, seconds } = await push(job)
      return {
        megabytesPerSecond: bytes / 1e6 / seconds,
        cpuPerGb: (server.cpuSeconds - cpuBefore) / (bytes / 1e9),
        peakRssMib: server.peakRssBytes / MIB,
      }
    })
    samples[what] = sample
    for (const name of CONTENDERS) {
      const { megabytesPerSecond, cpuPerGb, peakRssMib } = sample[name]
      rows.push([
        what,
        name,
        spread(megabytesPerSecond, 0),
        spread(cpuPerGb, 2),
        spread(peakRssMib, 0),
      ])
    }
    const { entrepot, 'docker-registry': registry } = sample
    targets.push(
      atLeast(
        `pushes of ${what}: MB/s / docker-registry's`,
        minRatio,
        median(entrepot.megabytesPerSecond) / median(registry.megabytesPerSecond),
      ),
      atMost(
        `pushes of ${what}: CPU per GB / docker-registry's`,
        1,
        median(entrepot.cpuPerGb) / median(registry.cpuPerGb),
      ),
    )
  }
  return {
    title: 'Pushes',
    method:
      'New blobs to one repository, each by POST, one PATCH and PUT, made and hashed by the client before the clock starts. Both sync the bytes before they acknowledge them; entrepot also syncs the folder and the inventory, docker-registry (by strace) the file alone, over and over.',
    head: ['blob', 'server', 'MB/s', 'server CPU s/GB', 'peak RSS MiB'],
    rows,
    targets,
    samples,
  }
}
