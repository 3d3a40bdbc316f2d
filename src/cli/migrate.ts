import { Command, Option } from 'commander'
import type { MigrationSummary } from '../migration.ts'
import { systemClock } from '../util/clock.ts'
import { type ConfigOptions, loadWithOptions } from './config-options.ts'
import { FindingsError, InterruptedError, UsageError } from './failure.ts'
import { countText, sizeText } from './format.ts'
import { print, printError, printJson } from './output.ts'
import { progressView } from './progress.ts'
import { StopSignals } from './stop-signals.ts'

const STORES = ['file', 's3'] as const

interface MigrateOptions extends Pick<ConfigOptions, 'config' | 'data'> {
  from: (typeof STORES)[number]
  to: (typeof STORES)[number]
  json?: true
}

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('Copies content between the data folder and a bucket, while no daemon runs.')
    .addOption(storeOption('--from <store>', 'Where content is.'))
    .addOption(storeOption('--to <store>', 'Where it is to be as well.'))
    .option('--config <file>', 'Configuration file that names the bucket, in either direction.')
    .option('--data <folder>', 'Data folder; that of the configuration where left out.')
    .option('--json', 'Print JSON.')
    .action(migrate)
}

function storeOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(STORES).makeOptionMandatory()
}

async function migrate({ from, to, json, ...options }: MigrateOptions): Promise<void> {
  if (from === to) throw new UsageError(`--from and --to are both ${to}`)
  const { config } = await loadWithOptions(options)
  if (config.store.type !== 's3') {
    throw new UsageError('the configuration names no bucket: store.type has to be s3')
  }
  // The AWS SDK is for those who need it.
  const { migrateContent } = await import('../migration.ts')
  const { stop: signal } = new StopSignals(process, systemClock)
  const view = progressView('migrate', process.stderr)
  const progress = (done: number, total: number) => view.show({ done, total, unit: 'bytes' })
  const summary = await migrateContent(config, to, { progress, signal }).finally(() => view.end())
  if (json) printJson(summary)
  else printSummary(summary)
  const { damaged, isComplete } = summary
  if (!isComplete) throw new InterruptedError('the same command goes on')
  if (damaged.length > 0) {
    throw new FindingsError(`${countText(damaged.length, 'content')} not copied: wrong bytes`)
  }
}

function printSummary({ copied, copiedBytes, present, damaged }: MigrationSummary): void {
  const wasThere = present > 0 ? `; ${countText(present, 'was', 'were')} there already` : ''
  print(`copied ${countText(copied, 'content')}: ${sizeText(copiedBytes)}${wasThere}`)
  for (const digest of damaged) printError(`wrong bytes: ${digest}`)
}
