import type { ClientFile, ClientMirror, ClientRoute, ClientUpstream } from './client-setup.ts'

/**
 * What containerd reads of a registry. It names the registry in `ns`, so that the mirror needs no
 * path; `server` is left out, and is then the registry itself.
 */
export function hostsToml({ url }: ClientMirror): string {
  return `[host."${url.origin}"]\n  capabilities = ["pull", "resolve"]\n`
}

/** Below a folder in which containerd looks for registries. */
export function hostsFiles(
  folder: string,
  mirror: ClientMirror,
  upstreams: readonly ClientUpstream[],
): ClientFile[] {
  const content = hostsToml(mirror)
  return upstreams.map(({ name }) => ({ path: `${folder}/${name}/hosts.toml`, content }))
}

export function nsRoute({ name }: ClientUpstream): ClientRoute {
  return { upstream: name, root: '/v2', ns: name }
}
