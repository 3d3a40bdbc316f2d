import type { ClientMirror, ClientSetup } from './client-setup.ts'
import { hostsFiles, nsRoute } from './hosts-toml.ts'

/** containerd's folder of registries, which kubelet's pulls, nerdctl and `ctr --hosts-dir` share. */
export const CERTS_FOLDER = '/etc/containerd/certs.d'

/** How config.toml names that folder, in both versions of its form. */
export const CONFIG_PATH_NOTES = [
  `Kubernetes reads ${CERTS_FOLDER} where /etc/containerd/config.toml says so (restart containerd):`,
  '  [plugins."io.containerd.cri.v1.images".registry]  # containerd 2.x',
  '  [plugins."io.containerd.grpc.v1.cri".registry]    # containerd 1.x',
  `  config_path = "${CERTS_FOLDER}"`,
]

export function containerdSetup(mirror: ClientMirror): ClientSetup {
  return {
    files: hostsFiles(CERTS_FOLDER, mirror, mirror.upstreams),
    notes: [
      'The files need no restart.',
      ...CONFIG_PATH_NOTES,
      `nerdctl reads them anyway, ctr with: ctr images pull --hosts-dir ${CERTS_FOLDER}`,
    ],
    routes: mirror.upstreams.map(nsRoute),
  }
}
