import { Sweep } from '../../src/cache/sweep.ts'
import type { SweepSummary } from '../../src/cache/operations.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { putBytes } from '../support/blobs.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import type { ScriptedSource } from '../support/scripted-source.ts'
import { isPending, until } from '../support/turns.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  pullBlobs,
  tagged,
  upstreamSource,
  type MirrorRig,
} from './mirror-rig.ts'

export const NOTHING: SweepSummary = { adopt: 0, quarantine: 0, forget: 0, remove: 0 }

export const image = await buildImage()
export const index = buildIndex({ amd64: image })

export interface SweepRig extends MirrorRig {
  source: ScriptedSource
  clock: FakeClock
  sweep: Sweep
}

/** A mirror whose upstream has the index with its image. */
export async function sweepRig(folder?: string): Promise<SweepRig> {
  const source = upstreamSource()
  source.add(demo, 'latest', index)
  const clock = new FakeClock()
  const rig = await mirrorOn(source, { clock, ...(folder && { folder }) })
  return { ...rig, source, clock, sweep: sweepOf(rig, clock) }
}

export function sweepOf(rig: MirrorRig, clock: FakeClock): Sweep {
  const { store, layers, files, holdings, leases, events } = rig
  const { inventory } = holdings
  const leftovers = [files.spools]
  return new Sweep({ store, layers, leftovers, inventory, holdings, leases, clock, events })
}

/** The same, where all of it was pulled. */
export async function holding(folder?: string): Promise<SweepRig> {
  const rig = await sweepRig(folder)
  await rig.mirror.manifest(tagged('latest'), { signal: never })
  await rig.mirror.manifest(byDigest(image.root.digest), { signal: never })
  await pullBlobs(rig, image)
  for (const digest of contentsOf(index)) {
    await until('it is held', () => rig.inventory.held(digest))
  }
  rig.source.asked.length = 0
  return rig
}

export function contentsOf({ manifests, blobs }: TestImage): Digest[] {
  return [...manifests.keys(), ...blobs.keys()].sort()
}

/** Sweeps; the clock is moved on where that waits. */
export async function swept({
  sweep,
  clock,
}: Pick<SweepRig, 'sweep' | 'clock'>): Promise<SweepSummary> {
  // By others, who may wait for ever.
  const slept = clock.sleeping
  const running = sweep.run(never, () => {})
  while (await isPending(running)) if (clock.sleeping > slept) clock.advance(100)
  return running
}

/** Puts bytes into the store as a killed process may leave them: on no record. */
export async function stray({ files }: SweepRig, bytes: Buffer): Promise<Digest> {
  return (await putBytes(files.store, files.spools, bytes)).digest
}
