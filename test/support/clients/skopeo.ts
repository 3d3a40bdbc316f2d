import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../../../src/oci/digest.ts'
import { run } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { type ClientOptions, fullName, type LoginClient, plainHttp } from './client.ts'
import { writeContainersConfig } from './containers-image.ts'
import { hashFolder } from './hashes.ts'

/** skopeo copies all platforms of an image to a folder, without changing a byte. */
export async function startSkopeo(options: ClientOptions): Promise<LoginClient> {
  const folder = await temporaryFolder()
  const { registries, policy, env } = await writeContainersConfig(folder.path, options)
  const images = join(folder.path, 'images')
  const imageFolder = (name: string) => join(images, encodeURIComponent(name))
  const skopeo = ['skopeo', '--registries-conf', registries, '--policy', policy]
  const copy = (...args: string[]) =>
    run([...skopeo, 'copy', '--all', '--preserve-digests', ...args], { env })
  return {
    name: 'skopeo',
    keeps: 'artifacts',
    async pull(name) {
      await mkdir(images, { recursive: true })
      const target = `dir:${imageFolder(name)}`
      await copy(...plainHttp(name, '--src-tls-verify=false'), source(name), target)
    },
    async push(name, as) {
      await copy(...plainHttp(as, '--dest-tls-verify=false'), source(name), source(as))
    },
    async login(registry, user, password) {
      const flags = ['--username', user, '--password', password]
      await run(
        [...skopeo, 'login', ...plainHttp(registry, '--tls-verify=false'), ...flags, registry],
        { env },
      )
    },
    async held(name) {
      return {
        roots: [digestOf(await readFile(join(imageFolder(name), 'manifest.json')))],
        contents: await hashFolder(imageFolder(name)),
      }
    },
    empty: () => rm(images, { recursive: true, force: true }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

function source(name: string): string {
  return `docker://${fullName(name)}`
}
