import { readFileSync } from 'node:fs'

interface PackageFile {
  version: string
  engines: { node: string }
}

const { version, engines } = readPackageFile()

export const VERSION: string = version

/** Why this does not run on a version of Node.js; `undefined` where it does. */
export function nodeFault(nodeVersion: string): string | undefined {
  const needed = engines.node.replace('>=', '')
  if (Number.parseInt(nodeVersion) >= Number.parseInt(needed)) return undefined
  return `entrepot needs Node.js ${needed} or newer, and this is ${nodeVersion}`
}

/** It lies beside both src and dist. */
function readPackageFile(): PackageFile {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return JSON.parse(text) as PackageFile
}
