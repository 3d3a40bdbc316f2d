import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { type Client, type ClientOptions, fullName } from './client.ts'
import { pullAndPush, writeContainersConfig } from './containers-image.ts'
import { hashArchive } from './hashes.ts'

export async function startBuildah(options: ClientOptions): Promise<Client> {
  const folder = await temporaryFolder()
  const { policy, env } = await writeContainersConfig(folder.path, options)
  const storage = ['--root', join(folder.path, 'root'), '--runroot', join(folder.path, 'run')]
  const buildah = (...args: string[]) =>
    run(['buildah', ...storage, '--storage-driver', 'vfs', ...args], { env })
  return {
    name: 'buildah',
    keeps: 'unpacked',
    ...pullAndPush(buildah, policy),
    async held(name) {
      const image = fullName(name)
      const archive = join(folder.path, 'saved.tar')
      await buildah('push', '--signature-policy', policy, image, `docker-archive:${archive}`)
      const contents = await hashArchive(archive)
      await rm(archive)
      const format = ['--type', 'image', '--format', '{{.FromImageDigest}}']
      const root = await buildah('inspect', ...format, image)
      return { roots: [root.trim()], contents }
    },
    async empty() {
      await buildah('rmi', '--all', '--force')
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
