import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../../../src/oci/digest.ts'
import { run } from '../processes.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { type Client, type ClientOptions, fullName } from './client.ts'
import { writeContainersConfig } from './containers-image.ts'
import { hashFolder } from './hashes.ts'

/** skopeo copies all platforms of an image to a folder, without changing a byte. */
export async function startSkopeo({ mirror, outside }: ClientOptions): Promise<Client> {
  const folder = await temporaryFolder()
  const { registries, policy } = await writeContainersConfig(folder.path, mirror)
  const images = join(folder.path, 'images')
  const imageFolder = (name: string) => join(images, encodeURIComponent(name))
  const skopeo = ['skopeo', '--registries-conf', registries, '--policy', policy]
  const env = { ...outside.env, HOME: folder.path }
  return {
    name: 'skopeo',
    keeps: 'artifacts',
    async pull(name) {
      await mkdir(images, { recursive: true })
      const target = `dir:${imageFolder(name)}`
      const copy = ['copy', '--all', '--preserve-digests', `docker://${fullName(name)}`, target]
      await run([...skopeo, ...copy], { env })
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
