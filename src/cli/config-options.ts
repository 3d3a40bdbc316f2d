import type { Command } from 'commander'
import { schemaAt } from '../config/keys.ts'
import { type FlagValue, type LoadedConfig, loadConfig } from '../config/load.ts'

/** The keys that have a flag of their own; all others are for the file and the environment. */
const FLAGS = [
  { name: 'port', path: ['listen', 'port'] },
  { name: 'host', path: ['listen', 'host'] },
  { name: 'data', path: ['data'] },
  { name: 'logLevel', path: ['log', 'level'] },
] as const

export type ConfigOptions = { config?: string } & {
  [Name in (typeof FLAGS)[number]['name']]?: string
}

export function withConfigOptions(command: Command): Command {
  command.option('--config <file>', 'Configuration file; ENTREPOT_CONFIG where left out, or none.')
  for (const { name, path } of FLAGS) {
    command.option(`${flagOf(name)} <value>`, schemaAt(path)?.description)
  }
  return command
}

export function loadWithOptions({ config, ...values }: ConfigOptions): Promise<LoadedConfig> {
  const flags: FlagValue[] = []
  for (const { name, path } of FLAGS) {
    const text = values[name]
    if (text !== undefined) flags.push({ flag: flagOf(name), path, text })
  }
  return loadConfig({ file: config, flags })
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
