import { describe, expect, test } from 'vitest'
import { Scrub } from '../src/cache/scrub.ts'
import { Sweep } from '../src/cache/sweep.ts'
import { Routes } from '../src/policy/routes.ts'
import { Upkeep } from '../src/upkeep.ts'
import { warmJobs } from '../src/warming.ts'
import { amd64, arm64, index, warmRig, type WarmRig } from './cache/warm-rig.ts'
import { demo } from './cache/mirror-rig.ts'
import { buildImage } from './support/images.ts'
import { upstreamError } from './support/scripted-source.ts'
import { turns, until } from './support/turns.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const ENTRY = { images: ['demo'], platforms: ['linux/amd64'], everyMs: DAY_MS }

function scheduled(rig: WarmRig, entries = [ENTRY]): Upkeep {
  const { mirror: source, clock } = rig
  const hub = { name: 'docker.io', prefix: 'docker.io', hosts: [], isDefault: true, source }
  const shared = { ...rig, mirrors: new Map(), leftovers: [] }
  return new Upkeep({
    ...rig,
    scrub: new Scrub({ ...shared, bytesPerSecond: 1024 ** 3 }),
    sweep: new Sweep(shared),
    everyMs: { evict: DAY_MS, scrub: DAY_MS },
    jobs: warmJobs(entries, new Routes([hub]), rig.warm),
    clock,
  })
}

/** The state of the job when it has run so often. */
async function afterRun(upkeep: Upkeep, count: number, name = 'warm-1') {
  const status = () => upkeep.status().find((job) => job.name === name)
  let runs = 0
  let last: number | undefined
  await until(`${name} has run ${count} times`, () => {
    const endedAtMs = status()?.lastRun?.endedAtMs
    if (endedAtMs !== undefined && endedAtMs !== last) runs++
    last = endedAtMs
    return runs >= count
  })
  return status()
}

test('each entry is a job, which runs at the start and then as often as it says', async () => {
  await using rig = await warmRig()
  await using upkeep = scheduled(rig, [ENTRY, { ...ENTRY, platforms: ['linux/arm64'] }])
  expect(await afterRun(upkeep, 1)).toMatchObject({
    everyMs: DAY_MS,
    lastRun: { result: { failed: 0 }, error: undefined },
    nextRunAtMs: rig.clock.now() + DAY_MS,
  })
  await afterRun(upkeep, 1, 'warm-2')
  for (const { root } of [amd64, arm64]) expect(await rig.inventory.held(root.digest)).toBeDefined()
  const moved = await buildImage({ seed: 'moved' })
  rig.source.add(demo, 'latest', moved)
  rig.clock.advance(DAY_MS - 1)
  await turns()
  expect(await rig.inventory.held(moved.root.digest)).toBeUndefined()
  rig.clock.advance(1)
  await until('the new image is held', () => rig.inventory.held(moved.root.digest))
})

describe('a run that fails', () => {
  test('for a reason that passes is repeated soon', async () => {
    await using rig = await warmRig()
    rig.budget.isLow = true
    await using upkeep = scheduled(rig)
    expect(await afterRun(upkeep, 1)).toMatchObject({
      lastRun: { error: expect.stringContaining('docker.io/library/demo:latest: ') as string },
      nextRunAtMs: rig.clock.now() + 5 * MINUTE_MS,
    })
    expect(rig.logged('warming failed')).toHaveLength(1)
    rig.budget.isLow = false
    rig.clock.advance(5 * MINUTE_MS)
    await until('it is held', () => rig.inventory.held(index.root.digest))
  })

  test('names one image, and how many more', async () => {
    await using rig = await warmRig()
    rig.source.before = () => Promise.reject(upstreamError('unreachable'))
    await using upkeep = scheduled(rig, [{ ...ENTRY, images: ['a', 'b', 'c'] }])
    expect((await afterRun(upkeep, 1))?.lastRun?.error).toBe(
      'docker.io/library/a:latest: upstream: unreachable; and 2 more',
    )
  })

  test('for good is counted, and waits for its turn', async () => {
    await using rig = await warmRig()
    await using upkeep = scheduled(rig, [{ ...ENTRY, images: ['gone', 'demo'] }])
    expect(await afterRun(upkeep, 1)).toMatchObject({
      lastRun: { result: { failed: 1 }, error: undefined },
      nextRunAtMs: rig.clock.now() + DAY_MS,
    })
  })
})
