import { once } from 'node:events'
import type { Config } from '../config/schema.ts'
import { startDaemon } from '../daemon.ts'
import { createLogger } from '../telemetry/logger.ts'
import { systemClock } from '../util/clock.ts'
import { bannerText } from './banner.ts'
import { type ConfigOptions, loadWithOptions } from './config-options.ts'
import { print } from './output.ts'
import { StopSignals } from './stop-signals.ts'

/** Serves until a signal asks to stop; a second one ends the draining. */
export async function serve(options: ConfigOptions): Promise<void> {
  const loaded = await loadWithOptions(options)
  const { config } = loaded
  const signals = new StopSignals(process, systemClock)
  // Whoever rotates logs sends it at any time.
  process.on('SIGHUP', () => {})
  await using log = createLogger(config.log)
  await using daemon = await startDaemon(loaded, log, signals.hurry)
  process.on('SIGHUP', () => daemon.reopenFiles())
  if (isReadByPeople(config)) print(bannerText(config, daemon.address, daemon.adminAddress))
  if (!signals.stop.aborted) await once(signals.stop, 'abort')
}

/** Programs find the same in the log line of the start. */
function isReadByPeople({ log }: Config): boolean {
  return log.format === 'pretty' || (log.format === 'auto' && process.stdout.isTTY)
}
