import { Command } from 'commander'
import { ConfigError, formatIssue } from '../config/config-error.ts'
import type { LoadedConfig } from '../config/load.ts'
import { type Finding, fault, ok } from '../doctor/finding.ts'
import { type ConfigOptions, loadWithOptions, withConfigOptions } from './config-options.ts'
import { FindingsError } from './failure.ts'
import { countText } from './format.ts'
import { print, printJson } from './output.ts'

interface DoctorOptions extends ConfigOptions {
  json?: true
}

export function doctorCommand(): Command {
  return withConfigOptions(new Command('doctor'))
    .description('Looks for what is wrong with the mirror and around it, and says what to do.')
    .option('--json', 'Print JSON.')
    .action(doctor)
}

async function doctor({ json, ...options }: DoctorOptions): Promise<void> {
  const findings = await findingsOf(options)
  if (json) printJson(findings)
  else print(findings.map(findingText).join('\n'))
  const faults = findings.filter(({ level }) => level === 'fault').length
  if (faults > 0) throw new FindingsError(`${countText(faults, 'fault')} found`)
}

async function findingsOf(options: ConfigOptions): Promise<Finding[]> {
  let loaded: LoadedConfig
  try {
    loaded = await loadWithOptions(options)
  } catch (error) {
    if (error instanceof ConfigError) return configFaults(error)
    throw error
  }
  const about = ok('config', `${loaded.file ?? 'the defaults'}: valid`)
  // What talks to others takes longer to load.
  const { examine } = await import('../doctor/examine.ts')
  return [about, ...(await examine(loaded.config))]
}

function configFaults({ issues }: ConfigError): Finding[] {
  return issues.map((issue) => {
    const { path } = issue
    const fix =
      path === '' ? 'see mirror.config.yml for every key' : `entrepot config explain ${path}`
    return fault('config', formatIssue(issue), fix)
  })
}

function findingText({ part, level, text, fix }: Finding): string {
  const line = `${level.padEnd(9)}${part.padEnd(14)}${text}`
  return fix === null ? line : `${line}\n${' '.repeat(23)}fix: ${fix}`
}
