import type { EnvironmentOverride } from './environment.ts'

const VARIABLES = [
  { name: 'HTTPS_PROXY', path: ['proxy', 'https'], valueOf: (text: string) => text },
  { name: 'HTTP_PROXY', path: ['proxy', 'http'], valueOf: (text: string) => text },
  { name: 'NO_PROXY', path: ['proxy', 'except'], valueOf: listOf },
]

/** What the variables set that curl and others read. The one in lower case wins, as it does there. */
export function proxyVariables(environment: NodeJS.ProcessEnv): EnvironmentOverride[] {
  return VARIABLES.flatMap(({ name, path, valueOf }) => {
    const variable = [name.toLowerCase(), name].find((spelling) => environment[spelling])
    const text = variable === undefined ? undefined : environment[variable]
    return variable !== undefined && text ? [{ variable, path, value: valueOf(text) }] : []
  })
}

function listOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== '')
}
