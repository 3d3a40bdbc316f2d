import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian's name of the package that holds each tool. */
const PACKAGES = {
  containerd: 'containerd',
  ctr: 'containerd',
  docker: 'docker.io',
  dockerd: 'docker.io',
  'docker-registry': 'docker-registry',
  podman: 'podman',
  skopeo: 'skopeo',
} as const

export type Tool = keyof typeof PACKAGES

/**
 * Whether a suite can have the tools it needs. Where not, says which packages to install, and in
 * CI throws: there a suite that is skipped is a failure.
 */
export function haveTools(...tools: Tool[]): boolean {
  const missing = tools.filter((tool) => !isInstalled(tool))
  const wants: string[] = []
  if (missing.length > 0) {
    const packages = new Set(missing.map((tool) => PACKAGES[tool]))
    wants.push(`apt-get install ${[...packages].join(' ')} (for ${missing.join(', ')})`)
  }
  if (tools.some((tool) => tool !== 'docker-registry') && process.getuid?.() !== 0) {
    wants.push(`root (for ${tools.join(', ')})`)
  }
  if (wants.length === 0) return true
  const message = `end-to-end tests need: ${wants.join('; ')}`
  if (process.env['CI'] === 'true') throw new Error(message)
  console.warn(`SKIPPED: ${message}`)
  return false
}

function isInstalled(tool: Tool): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      // Not in this folder of the path.
      return false
    }
  })
}
