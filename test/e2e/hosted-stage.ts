import { expect } from 'vitest'
import type { Digest } from '../../src/oci/digest.ts'
import type { FakeHub } from '../support/fake-hub/fake-hub.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { run } from '../support/processes.ts'

/** Everybody may push, without a login. */
export const PUSHED_BY_ALL = {
  hosted: { enabled: true },
  auth: { anonymous: ['pull', 'push', 'delete'] },
}

/** The daemon with images that can be pushed to `private`, and nobody upstream. */
export function startHosted(config: object = PUSHED_BY_ALL): Promise<MirrorProcess> {
  // Nothing listens on port 1.
  const upstreamUrl = 'http://127.0.0.1:1'
  return MirrorProcess.start({ upstreamUrl, config: { ...config } })
}

/** skopeo between a registry that is not mirrored and what is hosted. */
export function skopeoAt(hub: FakeHub, mirror: MirrorProcess) {
  return {
    push: (name: string) =>
      run([
        'skopeo',
        'copy',
        '--src-tls-verify=false',
        '--dest-tls-verify=false',
        `docker://${new URL(hub.url).host}/library/${name}`,
        `docker://${mirror.host}/private/${name}`,
      ]),
    delete: (name: string) =>
      run(['skopeo', 'delete', '--tls-verify=false', `docker://${mirror.host}/private/${name}`]),
  }
}

/** As `library/<name>` of the hub; all of them share a layer. */
export async function publish(
  hub: FakeHub,
  name: string,
  layerBytes = 300_000,
): Promise<TestImage> {
  const image = await buildImage({ seed: name, base: 'base', layerBytes })
  const [repository, tag] = name.split(':')
  hub.add(`library/${repository}`, tag!, image)
  return image
}

/** All that it is made of. */
export function contentsOf({ blobs, manifests }: TestImage): Digest[] {
  return [...blobs.keys(), ...manifests.keys()]
}

/** Pulls all of `private/<name>`. */
export async function expectWhole(
  mirror: MirrorProcess,
  name: string,
  image: TestImage,
): Promise<void> {
  const [repository, tag] = name.split(':')
  const root = `${mirror.url}/v2/private/${repository}`
  expect(await fetchedDigest(`${root}/manifests/${tag}`)).toBe(image.root.digest)
  for (const digest of image.blobs.keys()) {
    expect(await fetchedDigest(`${root}/blobs/${digest}`)).toBe(digest)
  }
}
