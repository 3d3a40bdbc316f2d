import type { Tool } from '../tools.ts'
import type { StartClient } from './client.ts'
import { startContainerd } from './containerd.ts'
import { startDocker } from './docker.ts'
import { startPodman } from './podman.ts'
import { startSkopeo } from './skopeo.ts'

export interface KnownClient {
  name: string
  tools: Tool[]
  start: StartClient
}

export const ALL_CLIENTS: readonly KnownClient[] = [
  { name: 'docker', tools: ['dockerd', 'docker'], start: startDocker },
  { name: 'podman', tools: ['podman'], start: startPodman },
  { name: 'skopeo', tools: ['skopeo'], start: startSkopeo },
  { name: 'containerd', tools: ['containerd', 'ctr'], start: startContainerd },
]
