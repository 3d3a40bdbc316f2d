import {
  type ClientMirror,
  type ClientSetup,
  type ClientUpstream,
  fitsIntoNames,
  isPlainHttp,
  registryHost,
  unreachableNote,
} from './client-setup.ts'

/** podman, buildah, skopeo and CRI-O share this file; they rewrite names and know no `ns`. */
export function podmanSetup({ url, upstreams }: ClientMirror): ClientSetup {
  const reached = upstreams.filter((upstream) => upstream.isDefault || fitsIntoNames(upstream))
  const content = reached.map((upstream) => registryToml(url, upstream)).join('\n')
  return {
    files: [{ path: '/etc/containers/registries.conf.d/50-entrepot.conf', content }],
    notes: [
      'podman, buildah and skopeo read it with their next pull, CRI-O after systemctl reload crio.',
      ...upstreams.filter((upstream) => !reached.includes(upstream)).map(unreachableNote),
    ],
    routes: reached.map((upstream) => ({
      upstream: upstream.name,
      root: `/v2${pathOf(upstream)}`,
      ns: undefined,
    })),
  }
}

function registryToml(url: URL, upstream: ClientUpstream): string {
  return `[[registry]]
prefix = "${upstream.name}"
location = "${upstream.name}"

[[registry.mirror]]
location = "${registryHost(url)}${pathOf(upstream)}"
insecure = ${isPlainHttp(url)}
pull-from-mirror = "all"
`
}

/**
 * Without a prefix the mirror knows that there is the registry behind it, and answers so that the
 * client goes there at once when the registry limits the mirror; with one it makes the client wait.
 */
function pathOf({ prefix, isDefault }: ClientUpstream): string {
  return isDefault ? '' : `/${prefix}`
}
