import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { type AdminAccess, adminAccessField } from './admin.ts'
import { ConfigError, type ConfigIssue, type ConfigPlace } from './config-error.ts'
import { type ConfigDocument, readDocument } from './document.ts'
import { FILE_VARIABLE, processEnvironment, readEnvironment, valueOf } from './environment.ts'
import { type KeyPath, schemaAt } from './keys.ts'
import { Layers, type Origin } from './layers.ts'
import { issueMessage, issuesOf } from './issues.ts'
import { proxyVariables } from './proxy-variables.ts'
import { type Config, configSchema } from './schema.ts'
import { secretReader } from './secret.ts'

/** A value given on the command line. */
export interface FlagValue {
  flag: string
  path: readonly string[]
  text: string
}

export interface ConfigSources {
  /** The configuration file. Where left out `ENTREPOT_CONFIG` names it, or there is none. */
  file?: string | undefined
  flags?: readonly FlagValue[]
  environment?: NodeJS.ProcessEnv
}

export interface LoadedConfig {
  config: Config
  /** The file that was read, as it was named. */
  file: string | undefined
  /** The configuration as it would be written in a file that says everything; secrets are hidden. */
  effective: Record<string, unknown>
  originOf(path: KeyPath): Origin
  /** Where to look when something is wrong at a path, which need not be there itself. */
  placeOf(path: KeyPath): ConfigPlace
}

/**
 * Reads flags, environment, file and defaults, the first that names a key winning; the variables
 * that other programs read for their proxies come after the file. Relative paths
 * are relative to the file that says them, elsewhere to the working directory. Throws ConfigError
 * with all that is wrong.
 */
export async function loadConfig(sources: ConfigSources = {}): Promise<LoadedConfig> {
  const { file, layers, environment, unknown, values, secretVariables } = await gather(sources)
  const schema = configSchema(secretReader(environment))
  const parsed = await schema.safeParseAsync(values, { error: issueMessage })
  const issues: ConfigIssue[] = [
    ...issuesOf(parsed.error?.issues ?? [], (path) => layers.placeOf(path)),
    ...unknown
      .filter(({ variable }) => !secretVariables.has(variable))
      .map(({ variable, message }) => ({ source: 'env' as const, variable, path: '', message })),
  ]
  if (!parsed.success || issues.length > 0) throw new ConfigError(issues)
  const config: Config = { ...parsed.data, data: resolve(parsed.data.data) }
  return {
    config,
    file,
    effective: z.encode(schema, config),
    originOf: (path) => layers.originOf(path),
    placeOf: (path) => layers.placeOf(path),
  }
}

/**
 * Reads what concerns the admin listener alone, for who wants to talk to a daemon: what is wrong
 * elsewhere is not looked at, and neither the secrets of upstreams nor the key of the listener
 * need be there. Throws ConfigError.
 */
export async function loadAdminAccess(sources: ConfigSources = {}): Promise<AdminAccess> {
  const { layers, environment, values } = await gather(sources)
  const admin = adminAccessField(secretReader(environment))
  const parsed = await z.object({ admin }).safeParseAsync(values, { error: issueMessage })
  if (parsed.success) return parsed.data.admin
  throw new ConfigError(issuesOf(parsed.error.issues, (path) => layers.placeOf(path)))
}

/** What flags, environment and file say together. */
async function gather({ environment = processEnvironment(), ...sources }: ConfigSources) {
  const file = sources.file ?? environment[FILE_VARIABLE]
  const document = file ? await readFileDocument(file) : readDocument('(defaults)', '')
  const layers = new Layers(document)
  for (const { variable, path, value } of proxyVariables(environment)) {
    if (layers.originOf(path).source !== 'default') continue
    layers.override(path, value, { source: 'env', variable })
  }
  const { overrides, unknown } = readEnvironment(environment, layers.upstreams)
  for (const { variable, path, value } of overrides) {
    layers.override(path, value, { source: 'env', variable })
  }
  for (const { flag, path, text } of sources.flags ?? []) {
    layers.override(path, valueOf(schemaAt(path) ?? {}, text), { source: 'flag', flag })
  }
  return { file, layers, environment, unknown, ...layers.merge(dirname(file ?? '')) }
}

async function readFileDocument(file: string): Promise<ConfigDocument> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const message = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`
    throw new ConfigError([{ source: 'file', file, path: '', message }], { cause })
  }
  return readDocument(file, text)
}
