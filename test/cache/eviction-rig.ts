import type { EvictRequest, Removable, WorkListener } from '../../src/cache/operations.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { until } from '../support/turns.ts'
import { byDigest, demo, mirrorOn, never, pullBlobs, tagged, upstreamSource } from './mirror-rig.ts'
import type { MirrorRig, MirrorRigOptions } from './mirror-rig.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const PASS: EvictRequest = { isDryRun: false, toBytes: undefined }

const images = await Promise.all(
  ['a', 'b', 'c', 'd'].map((seed) => buildImage({ seed, layers: 1, layerBytes: 20_000 })),
)
export const [a, b, c, d] = images as [TestImage, TestImage, TestImage, TestImage]
export const sizes = images.map(sizeOf)
export const totalBytes = sizes.reduce((sum, size) => sum + size)

function sizeOf(image: TestImage): number {
  const manifests = [...image.manifests.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  return [...image.blobs.values()].reduce((sum, bytes) => sum + bytes.length, manifests)
}

/** A mirror of a, b, c and d, all of which it can pull, on a clock of its own. */
export async function prepare(options: MirrorRigOptions = {}) {
  const source = upstreamSource()
  const clock = new FakeClock()
  for (const [tag, image] of Object.entries({ a, b, c, d })) source.add(demo, tag, image)
  const rig = await mirrorOn(source, { clock, ...options })
  return { ...rig, source, clock }
}

type EvictionRig = Awaited<ReturnType<typeof prepare>>

/** Pulls an image whole; an hour passes. */
export async function pull(rig: EvictionRig, tag: string, image: TestImage): Promise<void> {
  await rig.mirror.manifest(tagged(tag), { signal: never })
  for (const digest of image.manifests.keys()) {
    await rig.mirror.manifest(byDigest(digest), { signal: never })
  }
  await pullBlobs(rig, image)
  await until('all is kept', async () => (await heldOf(rig, image)).every(Boolean))
  // What was held already is kept once more, which counts as a use when it is done.
  await until('nothing is on its way', () => rig.spools.open === 0)
  await rig.uses.flush()
  rig.clock.advance(HOUR_MS)
}

function heldOf({ inventory }: MirrorRig, image: TestImage): Promise<boolean[]> {
  return Promise.all(
    [...image.manifests.keys(), ...image.blobs.keys()].map(
      async (digest) => (await inventory.held(digest)) !== undefined,
    ),
  )
}

/** Which of the images are held whole; throws where one is held in part. */
export async function whole(rig: MirrorRig): Promise<string> {
  let names = ''
  for (const [name, image] of Object.entries({ a, b, c, d })) {
    const held = await heldOf(rig, image)
    if (held.every(Boolean)) names += name
    else if (held.some(Boolean)) throw new Error(`${name} is held in part`)
  }
  return names
}

export function listener(items: Removable[] = []): WorkListener<Removable> {
  return {
    progress: () => undefined,
    item: (item) => Promise.resolve(void items.push(item)),
    signal: never,
  }
}
