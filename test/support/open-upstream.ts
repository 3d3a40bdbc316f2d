import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { loadConfig } from '../../src/config/load.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { type OpenUpstream, openUpstream } from '../../src/upstreams.ts'
import { systemClock } from '../../src/util/clock.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** docker.io as a configuration says it. */
export async function openUpstreamOf(upstream: object, proxy: object = {}): Promise<OpenUpstream> {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'm.yml')
  await writeFile(file, JSON.stringify({ upstreams: { 'docker.io': upstream }, proxy }))
  const { config } = await loadConfig({ file, environment: {} })
  const events = new Events(pino({ level: 'silent' }), new Metrics())
  const options = config.upstreams['docker.io']!
  return openUpstream('docker.io', options, config.proxy, systemClock, events)
}
