import { describe, expect, test } from 'vitest'
import { Scrub } from '../src/cache/scrub.ts'
import { Sweep } from '../src/cache/sweep.ts'
import { Upkeep } from '../src/upkeep.ts'
import { mirrorOn, type MirrorRig, upstreamSource } from './cache/mirror-rig.ts'
import { FakeClock } from './support/fake-clock.ts'
import { turns, until } from './support/turns.ts'

const SECOND_MS = 1000
const HOUR_MS = 3_600_000
const EVERY_MS = { evict: HOUR_MS, scrub: 24 * HOUR_MS }

/** Jobs that run at the start have run. */
async function startedUpkeep(rig: MirrorRig, clock: FakeClock): Promise<Upkeep> {
  const { inventory, holdings, leases, pins, space, eviction, store, layers, files, events } = rig
  const shared = { store, layers, inventory, holdings, pins, leases, clock, events }
  const scrub = new Scrub({ ...shared, mirrors: new Map(), bytesPerSecond: 1024 ** 3 })
  const sweep = new Sweep({ ...shared, leftovers: [files.spools] })
  const upkeep = new Upkeep({
    inventory,
    space,
    eviction,
    scrub,
    sweep,
    everyMs: EVERY_MS,
    jobs: [],
    clock,
    events,
  })
  await until('all have run', () => upkeep.status().every(({ lastRun }) => lastRun))
  return upkeep
}

const passes = (rig: MirrorRig) => rig.logged('eviction passed').length

describe('eviction', () => {
  test('runs at the start, and every so often', async () => {
    const clock = new FakeClock()
    await using rig = await mirrorOn(upstreamSource(), { clock })
    await using _upkeep = await startedUpkeep(rig, clock)
    expect(passes(rig)).toBe(1)
    clock.advance(HOUR_MS - 1)
    await turns()
    expect(passes(rig)).toBe(1)
    clock.advance(1)
    await until('it has run again', () => passes(rig) === 2)
  })

  test('runs at once when it is urged, however often, and no more than once a second', async () => {
    const clock = new FakeClock()
    await using rig = await mirrorOn(upstreamSource(), { clock })
    await using _upkeep = await startedUpkeep(rig, clock)
    for (let count = 0; count < 10; count++) void rig.space.urge()
    await until('it has run again', () => passes(rig) === 2)
    await turns()
    void rig.space.urge()
    await turns()
    expect(passes(rig)).toBe(2)
    clock.advance(SECOND_MS)
    await until('and once more', () => passes(rig) === 3)
    clock.advance(SECOND_MS)
    await turns()
    expect(passes(rig)).toBe(3)
  })

  test('that fails is urged again without harm', async () => {
    const clock = new FakeClock()
    await using rig = await mirrorOn(upstreamSource(), { clock })
    await using _upkeep = await startedUpkeep(rig, clock)
    rig.inventorySteps.totals = () => Promise.reject(new Error('out of order'))
    void rig.space.urge()
    await until('it has failed', () => rig.logged('job failed').length === 1)
    delete rig.inventorySteps.totals
    void rig.space.urge()
    clock.advance(SECOND_MS)
    await until('it has run', () => passes(rig) > 1)
  })
})

test('what was done last outlives a restart', async () => {
  const clock = new FakeClock()
  await using rig = await mirrorOn(upstreamSource(), { clock })
  const before = await startedUpkeep(rig, clock)
  await before[Symbol.asyncDispose]()
  const scrubs = rig.logged('job started').length
  await using after = await startedUpkeep(rig, clock)
  const scrub = after.status().find(({ name }) => name === 'scrub')
  expect(scrub?.nextRunAtMs).toBe((scrub?.lastRun?.startedAtMs ?? 0) + EVERY_MS.scrub)
  // Only eviction and sweep run at every start.
  await until('both have run', () => rig.logged('job started').length === scrubs + 2)
})

test('ended, it does nothing any more, and may be ended again', async () => {
  const clock = new FakeClock()
  await using rig = await mirrorOn(upstreamSource(), { clock })
  const upkeep = await startedUpkeep(rig, clock)
  await upkeep[Symbol.asyncDispose]()
  void rig.space.urge()
  clock.advance(HOUR_MS)
  await turns()
  expect(passes(rig)).toBe(1)
  await upkeep[Symbol.asyncDispose]()
})
