import { expect } from 'vitest'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import type { TestImage } from '../support/images.ts'
import type { HostedRig } from './hosted-rig.ts'
import type { Answer } from './mirror.ts'

/** A repository, as it is asked for. */
export const APP = '/v2/private/team/app'

export async function pushBlob(
  rig: HostedRig,
  blob: Uint8Array,
  repository = APP,
): Promise<Answer> {
  const path = `${repository}/blobs/uploads/?digest=${digestOf(blob)}`
  return rig.ask(path, { method: 'POST', body: Buffer.from(blob) })
}

export async function pushBlobs(rig: HostedRig, image: TestImage, repository = APP): Promise<void> {
  for (const blob of image.blobs.values()) {
    expect((await pushBlob(rig, blob, repository)).status).toBe(201)
  }
}

export async function pushManifest(
  rig: HostedRig,
  image: TestImage,
  digestPushed: Digest,
  reference: string,
  repository = APP,
): Promise<Answer> {
  const { mediaType, bytes: body } = image.manifests.get(digestPushed)!
  const headers = { 'Content-Type': mediaType }
  return rig.ask(`${repository}/manifests/${reference}`, { method: 'PUT', headers, body })
}

/** All of an image, what an index names by digest. */
export async function pushImage(
  rig: HostedRig,
  image: TestImage,
  reference: string,
  repository = APP,
): Promise<void> {
  await pushBlobs(rig, image, repository)
  const { digest: root } = image.root
  for (const digest of image.manifests.keys()) {
    const pushed = digest === root ? reference : digest
    expect((await pushManifest(rig, image, digest, pushed, repository)).status).toBe(201)
  }
}

/** A tag, or a manifest. */
export async function remove(rig: HostedRig, reference: string, repository = APP): Promise<void> {
  const answer = await rig.ask(`${repository}/manifests/${reference}`, { method: 'DELETE' })
  expect(answer.status).toBe(202)
}
