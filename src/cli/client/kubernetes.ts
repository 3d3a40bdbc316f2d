import { createHash } from 'node:crypto'
import { writeDocument } from '../../config/document.ts'
import { CERTS_FOLDER, CONFIG_PATH_NOTES } from './containerd.ts'
import { type ClientMirror, type ClientSetup } from './client-setup.ts'
import { hostsToml, nsRoute } from './hosts-toml.ts'

const NAME = 'entrepot-mirror'
const HOSTS_KEY = 'hosts.toml'

/**
 * A DaemonSet that puts containerd's hosts.toml onto every node, also onto those that come later.
 * It runs again when what it would put there has changed.
 */
export function kubernetesSetup(mirror: ClientMirror): ClientSetup {
  const hosts = hostsToml(mirror)
  const registries = mirror.upstreams.map(({ name }) => name)
  const objects = [configMap(hosts), daemonSet(registries, hosts)]
  return {
    files: [{ path: `${NAME}.yaml`, content: objects.map(writeDocument).join('---\n') }],
    notes: [
      'For the cluster: entrepot client kubernetes | kubectl apply -f -',
      ...CONFIG_PATH_NOTES,
      'k3s and RKE2 have registries.yaml instead, and CRI-O what entrepot client podman prints.',
    ],
    routes: mirror.upstreams.map(nsRoute),
  }
}

function configMap(hosts: string): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: NAME, namespace: 'kube-system' },
    data: { [HOSTS_KEY]: hosts },
  }
}

function daemonSet(registries: readonly string[], hosts: string): object {
  const installed = createHash('sha256')
    .update([hosts, ...registries].join('\n'))
    .digest('hex')
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: NAME, namespace: 'kube-system' },
    spec: {
      selector: { matchLabels: { app: NAME } },
      // Nobody uses its pods: all nodes at once, not one after the other.
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: {
        metadata: { labels: { app: NAME }, annotations: { 'entrepot/installed': installed } },
        spec: {
          automountServiceAccountToken: false,
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          tolerations: [{ operator: 'Exists' }],
          initContainers: [installer(registries)],
          // A DaemonSet's pods may not end.
          containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10' }],
          volumes: [
            { name: 'hosts', configMap: { name: NAME } },
            { name: 'certs', hostPath: { path: CERTS_FOLDER, type: 'DirectoryOrCreate' } },
          ],
        },
      },
    },
  }
}

function installer(registries: readonly string[]): object {
  const install =
    'for registry; do mkdir -p "/certs/$registry" && cp /hosts/hosts.toml "/certs/$registry/" || exit 1; done'
  return {
    name: 'install',
    image: 'docker.io/library/busybox:1.37',
    command: ['sh', '-c', install, 'install', ...registries],
    volumeMounts: [
      { name: 'hosts', mountPath: '/hosts', readOnly: true },
      { name: 'certs', mountPath: '/certs' },
    ],
  }
}
