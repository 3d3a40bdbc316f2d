import { isLoopback } from '../../util/loopback.ts'
import {
  type ClientFile,
  type ClientMirror,
  type ClientRoute,
  type ClientSetup,
  type ClientUpstream,
  DOCKER_HUB,
  fitsIntoNames,
  isPlainHttp,
  registryHost,
  unreachableNote,
} from './client-setup.ts'
import { hostsFiles, nsRoute } from './hosts-toml.ts'

/** Where dockerd reads hosts.toml when images are kept by its containerd. */
const CERTS_FOLDER = '/etc/docker/certs.d'

/**
 * dockerd has mirrors of Docker Hub alone in daemon.json. Of other registries it pulls through the
 * mirror by names that begin with the mirror's, and with containerd's image store by hosts.toml too.
 */
export function dockerSetup(mirror: ClientMirror): ClientSetup {
  const hub = mirror.upstreams.find(({ name }) => name === DOCKER_HUB)
  const others = mirror.upstreams.filter((upstream) => upstream !== hub)
  const named = others.filter(fitsIntoNames)
  return {
    files: [...daemonFiles(mirror, hub), ...hostsFiles(CERTS_FOLDER, mirror, others)],
    notes: [
      'Put the keys of daemon.json into yours, and reload dockerd: systemctl reload docker',
      ...(hub && !hub.isDefault ? ['A registry mirror with a path needs Docker 25 or newer.'] : []),
      ...(others.length > 0 ? [IMAGE_STORE_NOTE] : []),
      ...named.map((upstream) => `  docker pull ${pulledAs(mirror.url, upstream)}/IMAGE`),
      ...others.filter((upstream) => !named.includes(upstream)).map(unreachableNote),
    ],
    routes: [
      ...(hub ? [hubRoute(hub)] : []),
      ...named.map(({ name, prefix }) => ({
        upstream: name,
        root: `/v2/${prefix}`,
        ns: undefined,
      })),
      ...others.map(nsRoute),
    ],
  }
}

const IMAGE_STORE_NOTE =
  'hosts.toml is read where images are kept by containerd, as in new installations of Docker 29; ' +
  'elsewhere pull by the name of the mirror:'

function daemonFiles({ url }: ClientMirror, hub: ClientUpstream | undefined): ClientFile[] {
  const keys = {
    ...(hub && {
      'registry-mirrors': [hub.isDefault ? url.origin : `${url.origin}/${hub.prefix}`],
    }),
    // Of what is on the same machine dockerd takes plain HTTP anyway.
    ...(isPlainHttp(url) &&
      !isLoopback(url.hostname) && { 'insecure-registries': [registryHost(url)] }),
  }
  if (Object.keys(keys).length === 0) return []
  const content = `${JSON.stringify(keys, undefined, 2)}\n`
  return [{ path: '/etc/docker/daemon.json', content }]
}

function hubRoute({ name, prefix, isDefault }: ClientUpstream): ClientRoute {
  return { upstream: name, root: isDefault ? '/v2' : `/${prefix}/v2`, ns: undefined }
}

function pulledAs(url: URL, { prefix }: ClientUpstream): string {
  return `${registryHost(url)}/${prefix}`
}
