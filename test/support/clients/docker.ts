import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startDockerEngine } from '../docker-engine.ts'
import type { ClientOptions, LoginClient } from './client.ts'
import { hashArchive } from './hashes.ts'
import { repoDigests } from './repo-digests.ts'

/** A Docker engine of its own, with containerd. */
export async function startDocker({ mirror, outside }: ClientOptions): Promise<LoginClient> {
  // The others are for containerd's image store, which this engine is without.
  const [printed] = await mirror.clientFiles('docker')
  const engine = await startDockerEngine({
    settings: printed?.content ?? '',
    env: outside.env,
    storageDriver: 'vfs',
  })
  const docker = (...args: string[]) => engine.docker(args)
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
      const archive = join(engine.folder, 'saved.tar')
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
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  }
}
