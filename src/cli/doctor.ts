import { Command, Option } from 'commander'
import { ConfigError, type ConfigIssue, formatIssue } from '../config/config-error.ts'
import { schemaAt } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'
import { type Finding, fault, ok } from '../doctor/finding.ts'
import { clientMirror } from './client.ts'
import type { ExaminedClient } from './client/examine-client.ts'
import { type ConfigOptions, loadWithOptions, withConfigOptions } from './config-options.ts'
import { FindingsError } from './failure.ts'
import { countText } from './format.ts'
import { print, printJson } from './output.ts'

/** Those whose files are known. */
const CLIENTS: readonly ExaminedClient[] = ['docker', 'containerd', 'podman']

interface DoctorOptions extends ConfigOptions {
  client?: ExaminedClient
  url?: string
  root: string
  json?: true
}

export function doctorCommand(): Command {
  return withConfigOptions(new Command('doctor'))
    .description('Looks for what is wrong with the mirror and around it, and says what to do.')
    .addOption(
      new Option(
        '--client <client>',
        'Look at the files of a client in place of the mirror, which may be elsewhere.',
      ).choices(CLIENTS),
    )
    .option('--url <url>', 'Where that client reaches the mirror; as for `entrepot client`.')
    .option('--root <folder>', 'Where the files of the client begin.', '/')
    .option('--json', 'Print JSON.')
    .action(doctor)
}

async function doctor({ client, url, root, json, ...options }: DoctorOptions): Promise<void> {
  const findings = client
    ? await clientFindings(client, { ...options, ...(url !== undefined && { url }) }, root)
    : await mirrorFindings(options)
  if (json) printJson(findings)
  else print(findings.map(findingText).join('\n'))
  const faults = findings.filter(({ level }) => level === 'fault').length
  if (faults > 0) throw new FindingsError(`${countText(faults, 'fault')} found`)
}

async function clientFindings(
  client: ExaminedClient,
  options: ConfigOptions & { url?: string },
  root: string,
): Promise<Finding[]> {
  const { examineAnswer, examineClient } = await import('./client/examine-client.ts')
  const mirror = await clientMirror(options)
  return [...(await examineClient(client, mirror, root)), await examineAnswer(mirror.url)]
}

async function mirrorFindings(options: ConfigOptions): Promise<Finding[]> {
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
  return issues.map((issue) => fault('config', formatIssue(issue), configFix(issue)))
}

function configFix({ path, source, ...place }: ConfigIssue): string {
  if (source === 'file' && !('line' in place)) {
    return 'name a file that you may read, with --config or ENTREPOT_CONFIG'
  }
  const [section = ''] = path.split('.')
  const about = schemaAt([section]) ? `${section} in ` : ''
  return `see ${about}docs/configuration.md; mirror.config.yml shows every key`
}

function findingText({ part, level, text, fix }: Finding): string {
  const line = `${level.padEnd(9)}${part.padEnd(14)}${text}`
  return fix === null ? line : `${line}\n${' '.repeat(23)}fix: ${fix}`
}
