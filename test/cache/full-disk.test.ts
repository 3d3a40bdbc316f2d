import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { diskSpace } from '../../src/store/disk-space.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { buildImage, type TestImage } from '../support/images.ts'
import { smallDisk } from '../support/small-disk.ts'
import { until } from '../support/turns.ts'
import { drained } from './fill-rig.ts'
import { demo, mirrorOn, never, pullBlobs, tagged, upstreamSource } from './mirror-rig.ts'
import type { MirrorRig } from './mirror-rig.ts'

const MIB = 1024 * 1024
const HOUR_MS = 3_600_000
const LAYER_BYTES = 8 * MIB

const [cold, warm, wanted] = await Promise.all(
  ['cold', 'warm', 'wanted'].map((seed) =>
    buildImage({ seed, layers: 1, layerBytes: LAYER_BYTES }),
  ),
)

async function pull(rig: MirrorRig, tag: string, image: TestImage): Promise<void> {
  await rig.mirror.manifest(tagged(tag), { signal: never })
  await until('the manifest is kept', () => rig.inventory.held(image.root.digest))
  await pullBlobs(rig, image)
  await rig.uses.flush()
}

it('a disk that is full in the middle of a pull makes room for it', async (context) => {
  await using disk = await smallDisk(context, { sizeBytes: 40 * MIB })
  const clock = new FakeClock()
  const source = upstreamSource()
  source.add(demo, 'cold', cold!)
  source.add(demo, 'warm', warm!)
  source.add(demo, 'wanted', wanted!)
  const limits = { minFreeBytes: 4 * MIB }
  await using rig = await mirrorOn(source, { folder: disk.path, disk: 'real', clock, limits })
  let passes = 0
  rig.space.urge = async () => {
    passes++
    const nobody = { progress: () => undefined, item: () => Promise.resolve(), signal: never }
    await rig.eviction.run({ isDryRun: false, toBytes: undefined }, nobody)
  }
  await pull(rig, 'cold', cold!)
  clock.advance(HOUR_MS)
  await pull(rig, 'warm', warm!)
  clock.advance(HOUR_MS)

  // Others take what is left while the layer is on its way.
  await rig.mirror.manifest(tagged('wanted'), { signal: never })
  await until('the manifest is kept', () => rig.inventory.held(wanted!.root.digest))
  const [digest] = wanted!.blobs.keys()
  const gate = new Gate()
  source.script({ hold: { at: 3 * MIB, gate } })
  const blob = await rig.mirror.blob(demo, digest!, { signal: never })
  await until('a part is here', () => rig.fills.list()[0]?.bytes === 3 * MIB)
  expect(passes).toBe(0)
  const { freeBytes } = await diskSpace(disk.path)
  await writeFile(join(disk.path, 'others'), Buffer.alloc(freeBytes - 3 * MIB))
  gate.open()
  const { bytes, error } = await drained(blob!.body)
  expect(error).toBeUndefined()
  expect(digestOf(bytes)).toBe(digest)
  expect(rig.logged('space is full, nothing new is kept')).toHaveLength(1)

  // What is coldest goes at once, for which the layer has waited.
  expect(passes).toBeGreaterThan(0)
  await until('there is space', () => !rig.space.isFull && !rig.eviction.isRunning)
  expect(await rig.inventory.held(cold!.root.digest)).toBeUndefined()
  expect(await rig.inventory.held(warm!.root.digest)).toBeDefined()
  await until('the layer is kept', () => rig.inventory.held(digest!))
  const again = await rig.mirror.blob(demo, digest!, { signal: never })
  expect(again!.outcome).toBe('hit')
  expect(digestOf((await drained(again!.body)).bytes)).toBe(digest)
})
