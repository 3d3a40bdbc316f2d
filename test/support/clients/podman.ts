import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { type ClientOptions, fullName, type LoginClient, plainHttp } from './client.ts'
import { pullAndPush, writeContainersConfig } from './containers-image.ts'
import { hashArchive } from './hashes.ts'
import { repoDigests } from './repo-digests.ts'

export async function startPodman(options: ClientOptions): Promise<LoginClient> {
  const folder = await temporaryFolder()
  const { policy, env } = await writeContainersConfig(folder.path, options)
  const podman = (...args: string[]) =>
    run(
      [
        'podman',
        '--root',
        join(folder.path, 'root'),
        '--runroot',
        join(folder.path, 'run'),
        '--tmpdir',
        join(folder.path, 'tmp'),
        '--storage-driver',
        'vfs',
        '--cgroup-manager',
        'cgroupfs',
        '--events-backend',
        'none',
        ...args,
      ],
      { env },
    )
  return {
    name: 'podman',
    keeps: 'unpacked',
    ...pullAndPush(podman, policy),
    async login(registry, user, password) {
      const flags = ['--username', user, '--password', password]
      await podman('login', ...plainHttp(registry, '--tls-verify=false'), ...flags, registry)
    },
    async held(name) {
      const image = fullName(name)
      const archive = join(folder.path, 'saved.tar')
      await podman('save', '--format', 'docker-archive', '--output', archive, image)
      const contents = await hashArchive(archive)
      await rm(archive)
      const format = '{{json .RepoDigests}}'
      const names = await podman('image', 'inspect', '--format', format, image)
      return { roots: repoDigests(names), contents }
    },
    async empty() {
      await podman('image', 'rm', '--all', '--force')
    },
    async [Symbol.asyncDispose]() {
      await podman('system', 'reset', '--force')
      await folder[Symbol.asyncDispose]()
    },
  }
}
