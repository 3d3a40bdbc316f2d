import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '../eventually.ts'
import { run, RunningProcess } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import type { ClientOptions, LoginClient } from './client.ts'
import { hashArchive } from './hashes.ts'
import { repoDigests } from './repo-digests.ts'

/** A Docker engine of its own, with containerd. */
export async function startDocker({ mirror, outside }: ClientOptions): Promise<LoginClient> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const socket = `unix://${join(folder.path, 'docker.sock')}`
  const settings = join(folder.path, 'daemon.json')
  // The others are for containerd's image store, which this engine is without.
  const [printed] = await mirror.clientFiles('docker')
  await writeFile(settings, printed?.content ?? '')
  const dockerd = stack.use(
    new RunningProcess(
      [
        'dockerd',
        '--bridge=none',
        '--iptables=false',
        '--ip-forward=false',
        '--ip-masq=false',
        '--data-root',
        join(folder.path, 'data'),
        '--exec-root',
        join(folder.path, 'exec'),
        '--pidfile',
        join(folder.path, 'pid'),
        '--host',
        socket,
        '--config-file',
        settings,
        '--storage-driver',
        'vfs',
      ],
      { env: outside.env },
    ),
  )
  const docker = (...args: string[]) =>
    run(['docker', '--host', socket, ...args], {
      env: { ...outside.env, DOCKER_CONFIG: folder.path },
    })
  await eventually('dockerd answers', async () => {
    if (dockerd.exit) throw new Error(`dockerd ended:\n${dockerd.output}`)
    return docker('version').catch(() => false)
  })
  const owned = stack.move()
  return {
    name: 'docker',
    keeps: 'unpacked',
    async pull(name) {
      await docker('pull', name)
    },
    async push(name, as) {
      await docker('tag', name, as)
      await docker('push', as)
    },
    async login(registry, user, password) {
      await docker('login', '--username', user, '--password', password, registry)
    },
    async held(name) {
      const archive = join(folder.path, 'saved.tar')
      await docker('save', '--output', archive, name)
      const contents = await hashArchive(archive)
      await rm(archive)
      const format = '{{json .RepoDigests}}'
      const names = await docker('image', 'inspect', '--format', format, name)
      return { roots: repoDigests(names), contents }
    },
    async empty() {
      await docker('image', 'prune', '--all', '--force')
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
