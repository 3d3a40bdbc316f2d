import { Command } from 'commander'
import type { ConfigReport } from '../admin-daemon.ts'
import { ConfigError } from '../config/config-error.ts'
import { writeDocument } from '../config/document.ts'
import { explainConfig } from '../config/explain.ts'
import { configJsonSchema } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'
import { type AdminOptions, adminClient, withAdminOptions } from './admin-options.ts'
import { type ConfigOptions, loadWithOptions, withConfigOptions } from './config-options.ts'
import { checkConnected } from './connect.ts'
import { chosenOf, explanationsText } from './explanations.ts'
import { print, printJson } from './output.ts'

interface JsonOption {
  json?: true
}

const JSON_OPTION = ['--json', 'Print JSON.'] as const

export function configCommand(): Command {
  const config = new Command('config').description('Looks at the configuration.')
  config
    .command('check')
    .argument('[file]', 'Configuration file; ENTREPOT_CONFIG where left out, or none.')
    .description('Tells everything that is wrong with a configuration.')
    .option('--connect', 'Also ask what it names: data folder, bucket and upstreams.')
    .option(...JSON_OPTION)
    .action(check)
  withConfigOptions(config.command('print'))
    .description('Prints the configuration that is in force; secrets are hidden.')
    .option(...JSON_OPTION)
    .action(printConfig)
  withConfigOptions(config.command('explain'))
    .argument('[key]', 'Key or section, for example listen.port; all keys where left out.')
    .description('Prints what keys mean, what they are set to, and by whom.')
    .option(...JSON_OPTION)
    .action(explain)
  withAdminOptions(config.command('running'))
    .argument('[key]', 'Key or section, as for `config explain`.')
    .description('Explains what the running daemon was started with.')
    .action(running)
  config
    .command('schema')
    .description('Prints the JSON Schema of configuration files.')
    .action(() => printJson(configJsonSchema()))
  return config
}

async function check(
  file: string | undefined,
  { json, connect }: JsonOption & { connect?: true },
): Promise<void> {
  const loaded = await loadChecked(file, json)
  if (!json) print(`${loaded.file ?? 'the defaults'}: valid`)
  else if (!connect) printJson({ valid: true, issues: [] })
  if (connect) await checkConnected(loaded.config, json)
}

async function loadChecked(
  file: string | undefined,
  json: true | undefined,
): Promise<LoadedConfig> {
  try {
    return await loadWithOptions(file === undefined ? {} : { config: file })
  } catch (error) {
    if (json && error instanceof ConfigError) printJson({ valid: false, issues: error.issues })
    throw error
  }
}

async function printConfig({ json, ...options }: ConfigOptions & JsonOption): Promise<void> {
  const { effective } = await loadWithOptions(options)
  if (json) printJson(effective)
  else print(writeDocument(effective).trimEnd())
}

async function explain(
  key: string | undefined,
  { json, ...options }: ConfigOptions & JsonOption,
): Promise<void> {
  const chosen = chosenOf(explainConfig(await loadWithOptions(options)), key)
  if (json) printJson(chosen)
  else print(explanationsText(chosen, key))
}

async function running(key: string | undefined, { json, ...options }: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const { keys } = await client.ask<ConfigReport>('GET', 'config')
  const chosen = chosenOf(keys, key)
  if (json) printJson(chosen)
  else print(explanationsText(chosen, key))
}
