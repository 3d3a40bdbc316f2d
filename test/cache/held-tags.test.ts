import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TagPolicy } from '../../src/cache/tag-freshness.ts'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import { buildImage } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { byDigest, demo, never, POLICY, tagged } from './mirror-rig.ts'
import { tagRig } from './tag-rig.ts'

const old = await buildImage({ seed: 'old', layers: 1 })
const young = await buildImage({ seed: 'young', layers: 1 })
const newest = await buildImage({ seed: 'newest', layers: 1 })
const latest = tagged('latest')
const id = { registry: 'docker.io', name: demo }
const HOUR_MS = 3_600_000
const holdMs = 72 * HOUR_MS
const HELD = { holdMs, staleForMs: 90 * 24 * HOUR_MS }
const headOfTag = `resolve ${demo}:latest`

/** A mirror that holds tags, and has all of `old` under `latest`. */
function holding(policy: Partial<TagPolicy> = {}) {
  return tagRig(old, { ...HELD, ...policy })
}

describe('a tag that has moved', () => {
  it('is served as before until the new digest has been known for the hold', async () => {
    await using test = await holding()
    const { source, clock, rig, pull, look } = test
    expect(await test.move(young)).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(rig.logged('tag held')).toHaveLength(1)
    clock.advance(holdMs - 1)
    expect(await look()).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(await rig.inventory.tag(id, latest.tag)).toMatchObject({ descriptor: old.root })
    // A HEAD tells the digest; no pull is spent on what waits.
    expect(source.asked).toEqual([headOfTag, headOfTag])
    clock.advance(POLICY.freshForMs)
    expect(await pull()).toMatchObject({ descriptor: young.root, outcome: 'miss' })
    expect(await rig.inventory.tag(id, latest.tag)).toMatchObject({ descriptor: young.root })
    expect(rig.logged('tag held')).toHaveLength(1)
    expect(rig.logged('tag let through')).toHaveLength(1)
  })

  it('is fresh as it was served: upstream is asked no more often than without a hold', async () => {
    await using test = await holding()
    await test.move(young)
    test.clock.advance(POLICY.freshForMs - 1)
    expect(await test.pull()).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(test.source.asked).toEqual([headOfTag])
  })

  it('again waits anew: what upstream has taken back is never served', async () => {
    await using test = await holding()
    const { clock, pull } = test
    await test.move(young)
    clock.advance(holdMs - HOUR_MS)
    expect(await test.move(newest)).toMatchObject({ descriptor: old.root })
    clock.advance(2 * HOUR_MS)
    expect(await pull()).toMatchObject({ descriptor: old.root })
    clock.advance(holdMs)
    expect(await pull()).toMatchObject({ descriptor: newest.root })
  })

  it('and back is what it was; what has been served before does not wait again', async () => {
    await using test = await holding()
    const { clock, rig, pull } = test
    await test.move(young)
    expect(await test.move(old)).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(await rig.inventory.waiting()).toEqual([])
    await test.move(young)
    clock.advance(holdMs)
    expect(await pull()).toMatchObject({ descriptor: young.root })
    expect(await test.move(old)).toMatchObject({ descriptor: old.root })
  })

  it('waits across a restart', async () => {
    await using test = await holding()
    await test.move(young)
    test.clock.advance(holdMs - 1)
    await test.restart()
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
    test.clock.advance(POLICY.freshForMs)
    await test.restart()
    expect(await test.pull()).toMatchObject({ descriptor: young.root })
  })

  it('is served by digest, which nobody moves', async () => {
    await using test = await holding()
    await test.move(young)
    const manifest = await test.rig.mirror.manifest(byDigest(young.root.digest), { signal: never })
    expect(manifest).toMatchObject({ descriptor: young.root })
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
  })

  it('is not held where it is excepted, or not served before', async () => {
    await using test = await holding({ holdExcept: [demo] })
    expect(await test.move(young)).toMatchObject({ descriptor: young.root })
    await using other = await holding()
    other.source.add(demo, 'other', young)
    const manifest = await other.rig.mirror.manifest(tagged('other'), { signal: never })
    expect(manifest).toMatchObject({ descriptor: young.root })
    expect(other.rig.logged('tag held')).toEqual([])
  })

  it('is held where the inventory cannot tell since when it is known', async () => {
    await using test = await holding()
    await test.move(young)
    test.rig.inventorySteps.history = () => Promise.reject(new InventoryError('broken'))
    test.clock.advance(holdMs)
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
  })

  it('stays as it was while upstream fails, and when the hold is over but it cannot be had', async () => {
    await using test = await holding()
    const { source, clock, pull } = test
    await test.move(young)
    clock.advance(holdMs)
    source.manifest = () => Promise.reject(upstreamError('rate-limited'))
    expect(await pull()).toMatchObject({ descriptor: old.root, outcome: 'stale' })
  })
})

describe('a held tag whose content was evicted', () => {
  it('is fetched by the digest that it was served as', async () => {
    await using test = await holding()
    await test.move(young)
    await test.evict(old)
    test.source.asked.length = 0
    expect(await test.pull()).toMatchObject({ descriptor: old.root, outcome: 'miss' })
    expect(test.source.asked).toEqual([headOfTag, `manifest ${demo}@${old.root.digest}`])
    expect(await test.rig.inventory.tag(id, latest.tag)).toMatchObject({ descriptor: old.root })
  })

  it('costs no pull where clients only look at it', async () => {
    await using test = await holding()
    const { source, clock, look } = test
    await test.evict(old)
    await look()
    source.add(demo, 'latest', young)
    clock.advance(POLICY.freshForMs)
    source.asked.length = 0
    expect(await look()).toMatchObject({ descriptor: old.root })
    expect(source.asked).toEqual([headOfTag, `resolve ${demo}@${old.root.digest}`])
  })

  it('is let through, with a warning, where upstream has nothing older any more', async () => {
    await using test = await holding()
    await test.move(young)
    await test.evict(old)
    test.source.remove(demo, old)
    expect(await test.pull()).toMatchObject({ descriptor: young.root })
    expect(test.rig.logged('tag let through')).toHaveLength(1)
  })
})

it('is never served as what has not been known for the hold, however it moves', async () => {
  const images = [old, young, newest]
  const step = fc.record({
    to: fc.nat({ max: images.length - 1 }),
    hours: fc.nat({ max: 50 }),
    is: fc.constantFrom('pulled', 'looked at', 'evicted', 'restarted'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
      await using test = await holding({ freshForMs: 0 })
      const { source, clock } = test
      const knownSinceMs = new Map([[old.root.digest, -Infinity]])
      let served = old.root.digest
      for (const { to, hours, is } of steps) {
        const upstream = images[to]!
        source.add(demo, 'latest', upstream)
        clock.advance(hours * HOUR_MS)
        if (is === 'restarted') await test.restart()
        if (is === 'evicted') for (const image of images) await test.evict(image)
        const { digest } = upstream.root
        if (!knownSinceMs.has(digest)) knownSinceMs.set(digest, clock.now())
        if (clock.now() - knownSinceMs.get(digest)! >= holdMs) served = digest
        // What was served once does not wait again.
        if (served === digest) knownSinceMs.set(digest, -Infinity)
        const answer = is === 'looked at' ? await test.look() : await test.pull()
        expect(answer?.descriptor.digest).toBe(served)
      }
    }),
    { numRuns: 8 },
  )
})
