import { expect } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import type { Client } from './clients/client.ts'
import type { TestImage } from './images.ts'

interface IndexOrManifest {
  manifests?: { digest: Digest; platform: { architecture: string } }[]
  config: { digest: Digest }
}

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64' }

/** This machine's architecture as images name it. */
export const ownArchitecture = ARCHITECTURES[process.arch] ?? process.arch

/** Expects that the client gives back every byte of the image, under the image's own digest. */
export async function expectHeld(client: Client, name: string, image: TestImage): Promise<void> {
  const { roots } = await client.held(name)
  expect(roots).toContain(image.root.digest)
  await expectContents(client, name, image)
}

/** The same, whatever the digest. */
export async function expectContents(
  client: Client,
  name: string,
  image: TestImage,
): Promise<void> {
  const { contents } = await client.held(name)
  const wanted = client.keeps === 'artifacts' ? artifactsOf(image) : unpackedOf(image)
  expect(wanted.filter((digest) => !contents.has(digest))).toEqual([])
}

function artifactsOf(image: TestImage): Digest[] {
  return [...image.manifests.keys(), ...image.blobs.keys()]
}

function unpackedOf(image: TestImage): Digest[] {
  const root = manifestOf(image, image.root.digest)
  const own = root.manifests?.find(({ platform }) => platform.architecture === ownArchitecture)
  const { config } = own === undefined ? root : manifestOf(image, own.digest)
  const { rootfs } = JSON.parse(String(image.blobs.get(config.digest))) as {
    rootfs: { diff_ids: Digest[] }
  }
  return [config.digest, ...rootfs.diff_ids]
}

function manifestOf(image: TestImage, digest: Digest): IndexOrManifest {
  return JSON.parse(String(image.manifests.get(digest)?.bytes)) as IndexOrManifest
}
