import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian's name of the package that holds each tool. */
const PACKAGES = {
  buildah: 'buildah',
  chromium: 'chromium',
  containerd: 'containerd',
  ctr: 'containerd',
  docker: 'docker.io',
  dockerd: 'docker.io',
  'docker-registry': 'docker-registry',
  nginx: 'nginx',
  podman: 'podman',
  skopeo: 'skopeo',
} as const

/** What Debian does not have is made with Go. */
const MODULES = {
  'oci-conformance':
    'github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260730175803-fee21197eb94',
  regctl: 'github.com/regclient/regclient/cmd/regctl@v0.8.3',
  versitygw: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
} as const

export type Tool = keyof typeof PACKAGES | keyof typeof MODULES

/** The others make namespaces, mounts and users. */
const UNPRIVILEGED = new Set<Tool>([
  'chromium',
  'docker-registry',
  'nginx',
  'oci-conformance',
  'regctl',
  'versitygw',
])

/**
 * Whether a suite can have the tools it needs. Where not, says how to install them, and in CI
 * throws: there a suite that is skipped is a failure.
 */
export function haveTools(...tools: Tool[]): boolean {
  const missing = tools.filter((tool) => !isInstalled(tool))
  const wants = missing.map((tool) => `${tool} (${installerOf(tool)})`)
  if (tools.some((tool) => !UNPRIVILEGED.has(tool)) && process.getuid?.() !== 0) {
    wants.push(`root (for ${tools.join(', ')})`)
  }
  if (wants.length === 0) return true
  const message = `end-to-end tests need: ${wants.join('; ')}`
  if (process.env['CI'] === 'true') throw new Error(message)
  console.warn(`SKIPPED: ${message}`)
  return false
}

function installerOf(tool: Tool): string {
  if (tool in MODULES) return `go build ${MODULES[tool as keyof typeof MODULES]}`
  return `apt-get install ${PACKAGES[tool as keyof typeof PACKAGES]}`
}

/** Whether a program is on the path. */
export function isInstalled(tool: string): boolean {
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
