import { childSchema, configKeys, type KeySchema, NAME, propertiesOf, ROOT } from './keys.ts'
import { nearest } from './suggestion.ts'

/** A value from outside of the file. */
interface Override {
  path: readonly string[]
  value: unknown
}

export interface EnvironmentOverride extends Override {
  variable: string
}

/** A variable with our prefix that sets nothing. */
export interface UnknownVariable {
  variable: string
  message: string
}

const PREFIX = 'ENTREPOT_'

/** Names the configuration file; not itself a key. */
export const FILE_VARIABLE = `${PREFIX}CONFIG`

/** The environment of the process; everything below `config/` is handed it from here. */
export function processEnvironment(): NodeJS.ProcessEnv {
  return process.env
}

/**
 * The variable that sets a key: levels are joined by `__`, words of a key by `_`, and in the name
 * of an upstream `_` stands for everything that is not a letter or digit.
 */
export function variableOf(path: readonly (string | number)[]): string {
  return PREFIX + path.map((key) => segmentOf(String(key))).join('__')
}

/**
 * What the variables set. `upstreams` are the names that are configured; a name that is none of
 * them makes a new upstream, `_` standing for a dot. Empty variables count as not set.
 */
export function readEnvironment(
  environment: NodeJS.ProcessEnv,
  upstreams: readonly string[],
): { overrides: EnvironmentOverride[]; unknown: UnknownVariable[] } {
  const overrides: EnvironmentOverride[] = []
  const unknown: UnknownVariable[] = []
  for (const variable of Object.keys(environment).sort()) {
    const text = environment[variable]
    if (!text || !variable.startsWith(PREFIX) || variable === FILE_VARIABLE) continue
    const found = resolve(variable.slice(PREFIX.length).split('__'), upstreams)
    if (found) overrides.push({ variable, path: found.path, value: valueOf(found.schema, text) })
    else if (!isServiceLink(variable, text)) unknown.push(unknownVariable(variable))
  }
  return { overrides, unknown }
}

/** The value a text stands for; one that does not fit is left for the schema to refuse. */
export function valueOf(schema: KeySchema, text: string): unknown {
  if (schema.type === 'integer' && /^\d+$/.test(text)) return Number(text)
  if (schema.type === 'number' && /^\d+(?:\.\d+)?$/.test(text)) return Number(text)
  if (schema.type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true'
  return text
}

function segmentOf(key: string): string {
  return key
    .replace(/[a-z](?=[A-Z])/g, '$&_')
    .replace(/[^A-Za-z0-9]/g, '_')
    .toUpperCase()
}

function resolve(
  segments: readonly string[],
  upstreams: readonly string[],
): { path: string[]; schema: KeySchema } | undefined {
  const path: string[] = []
  let schema: KeySchema | undefined = ROOT
  for (const segment of segments) {
    const key = keyOf(schema, segment, upstreams)
    schema = key === undefined ? undefined : childSchema(schema, key)
    if (key === undefined || !schema) return undefined
    path.push(key)
  }
  const isValue = !schema.properties && !schema.additionalProperties && !schema.items
  return isValue ? { path, schema } : undefined
}

function keyOf(
  schema: KeySchema,
  segment: string,
  upstreams: readonly string[],
): string | undefined {
  if (schema.items) return /^\d$/.test(segment) ? segment : undefined
  if (!schema.additionalProperties) {
    return Object.keys(propertiesOf(schema)).find((key) => segmentOf(key) === segment)
  }
  if (!/^[A-Z0-9_]+$/.test(segment)) return undefined
  const known = upstreams.find((name) => segmentOf(name) === segment)
  return known ?? segment.toLowerCase().replaceAll('_', '.')
}

function unknownVariable(variable: string): UnknownVariable {
  const name = /^ENTREPOT_UPSTREAMS__(.+?)__/.exec(variable)?.[1] ?? NAME
  const variables = configKeys().map(({ path }) =>
    variableOf(path.map((key) => (key === NAME ? name : key))),
  )
  const endings = [...variables, FILE_VARIABLE].map((other) => other.slice(PREFIX.length))
  const near = nearest(variable.slice(PREFIX.length), endings)
  return { variable, message: `unknown variable${near ? `; did you mean ${PREFIX}${near}?` : ''}` }
}

/** What Kubernetes sets in every pod for a Service whose name begins with `entrepot`. */
function isServiceLink(variable: string, text: string): boolean {
  return (
    /_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$/.test(variable) ||
    /_PORT_\d+_(?:TCP|UDP|SCTP)_(?:PROTO|PORT|ADDR)$/.test(variable) ||
    (/_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/.test(variable) && /^(?:tcp|udp|sctp):\/\//.test(text))
  )
}
