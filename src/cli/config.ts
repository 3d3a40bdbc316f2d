import { Command } from 'commander'
import { ConfigError, formatPlace } from '../config/config-error.ts'
import { writeDocument } from '../config/document.ts'
import { explainConfig, type Explanation, type Scalar } from '../config/explain.ts'
import { configJsonSchema } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'
import { nearest } from '../config/suggestion.ts'
import { type ConfigOptions, loadWithOptions, withConfigOptions } from './config-options.ts'
import { checkConnected } from './connect.ts'
import { UsageError } from './failure.ts'
import { columns, print, printJson } from './output.ts'

interface JsonOption {
  json?: true
}

const JSON_OPTION = ['--json', 'Print JSON.'] as const

export function configCommand(): Command {
  const config = new Command('config').description('Looks at the configuration.')
  config
    .command('check')
    .argument('[file]', 'Configuration file; without one the environment alone is checked.')
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
  const all = explainConfig(await loadWithOptions(options))
  const chosen = all.filter((one) => key === undefined || `${one.key}.`.startsWith(`${key}.`))
  if (key !== undefined && chosen.length === 0) throw unknownKey(key, all)
  if (json) printJson(chosen)
  else if (key === undefined) print(columns(chosen.map((one) => [one.key, summaryOf(one)])))
  else print(chosen.map(explanationText).join('\n\n'))
}

function unknownKey(key: string, all: readonly Explanation[]): UsageError {
  const near = nearest(
    key,
    all.map((one) => one.key),
  )
  return new UsageError(`unknown key ${key}${near ? `; did you mean ${near}?` : ''}`)
}

function summaryOf(one: Explanation): string {
  return `${valueText(one.value)}  (${originText(one)})`
}

function explanationText(one: Explanation): string {
  const rows = columns([
    ['type', one.type.replaceAll('`', '')],
    ['default', valueText(one.default)],
    ['variable', one.variable],
    ['value', valueText(one.value)],
    ['set by', originText(one)],
  ])
  return `${one.key}\n  ${one.meaning.replaceAll('`', '')}\n${rows.replace(/^/gm, '  ')}`
}

function valueText(value: Scalar): string {
  return value === undefined ? '-' : String(value)
}

function originText({ origin }: Explanation): string {
  return origin.source === 'default' ? 'default' : formatPlace(origin)
}
