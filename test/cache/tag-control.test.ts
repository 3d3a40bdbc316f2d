import { describe, expect, it } from 'vitest'
import type { Tag } from '../../src/oci/reference.ts'
import { caught } from '../support/caught.ts'
import { Gate } from '../support/gate.ts'
import { buildImage } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { demo, mirrorOn, never, POLICY, tagged } from './mirror-rig.ts'
import { name, tagRig } from './tag-rig.ts'

const old = await buildImage({ seed: 'old' })
const young = await buildImage({ seed: 'young' })
const newest = await buildImage({ seed: 'newest' })
const { repository } = name
const latest = tagged('latest')
const headOfTag = `resolve ${demo}:latest`
const DAY_MS = 24 * 3_600_000
const holdMs = 3 * DAY_MS

describe('what waits', () => {
  it('is listed until it is let through', async () => {
    await using test = await tagRig(old, { holdMs })
    const { clock, control, pull } = test
    expect(await control.holds()).toEqual([])
    await test.move(young)
    const knownSinceMs = clock.now()
    const hold = {
      ...name,
      served: old.root.digest,
      waiting: young.root.digest,
      knownSinceMs,
      untilMs: knownSinceMs + holdMs,
    }
    expect(await control.holds()).toEqual([hold])
    clock.advance(holdMs - 1)
    expect(await control.holds()).toEqual([hold])
    clock.advance(1)
    expect(await control.holds()).toEqual([])
    expect(await pull()).toMatchObject({ descriptor: young.root })
    expect(await control.holds()).toEqual([])
  })

  it('is listed with what it was served as, though that was evicted', async () => {
    await using test = await tagRig(old, { holdMs })
    await test.move(young)
    await test.rig.holdings.evict(old.root.digest, () => true)
    expect(await test.control.holds()).toMatchObject([{ served: old.root.digest }])
  })

  it('is not listed while nothing is held any more', async () => {
    await using test = await tagRig(old, { holdMs })
    await test.move(young)
    await using unheld = await mirrorOn(test.source, { folder: test.rig.folder, clock: test.clock })
    expect(await unheld.tagControl.holds()).toEqual([])
  })
})

describe('a release', () => {
  it('serves what waits at once, and for good', async () => {
    await using test = await tagRig(old, { holdMs })
    const { source, clock, rig, pull, release } = test
    await test.move(young)
    source.asked.length = 0
    expect(await release()).toEqual({ outcome: 'released', digest: young.root.digest })
    expect(source.asked).toEqual([headOfTag, `manifest ${demo}@${young.root.digest}`])
    expect(await pull()).toMatchObject({ descriptor: young.root, outcome: 'hit' })
    expect(rig.logged('tag let through')).toHaveLength(1)
    expect(await test.control.holds()).toEqual([])
    expect(await release()).toEqual({ outcome: 'absent' })
    await test.move(old)
    expect(await test.move(young)).toMatchObject({ descriptor: young.root })
    await test.restart()
    clock.advance(POLICY.freshForMs)
    expect(await test.pull()).toMatchObject({ descriptor: young.root })
  })

  it('is of what waits, not of what upstream has moved to since', async () => {
    await using test = await tagRig(old, { holdMs })
    await test.move(young)
    test.source.add(demo, 'latest', newest)
    expect(await test.release()).toEqual({ outcome: 'moved' })
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
    expect(await test.control.holds()).toMatchObject([{ waiting: newest.root.digest }])
  })

  it('changes nothing where upstream cannot give what waits', async () => {
    await using test = await tagRig(old, { holdMs })
    await test.move(young)
    const error = upstreamError('unreachable')
    test.source.before = () => Promise.reject(error)
    expect(await caught(test.release())).toBe(error)
    test.source.before = () => Promise.resolve()
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
    expect(await test.control.holds()).toHaveLength(1)
  })

  it('comes after the check of a client that is under way', async () => {
    await using test = await tagRig(old, { holdMs })
    await test.move(young)
    const gate = new Gate()
    test.source.before = (signal) => gate.pass(signal)
    test.clock.advance(POLICY.freshForMs)
    const pulled = test.pull()
    await gate.reached
    const released = test.release()
    gate.open()
    expect(await pulled).toMatchObject({ descriptor: old.root })
    expect(await released).toMatchObject({ outcome: 'released' })
    expect(await test.pull()).toMatchObject({ descriptor: young.root })
  })
})

describe('a tag that is frozen', () => {
  it('stands for what it is served as, and upstream is not asked, until it is unfrozen', async () => {
    await using test = await tagRig(old)
    const { source, clock, rig } = test
    expect(await test.freeze()).toEqual({ outcome: 'frozen', digest: old.root.digest })
    expect(await test.control.freezes()).toMatchObject([{ ...name, descriptor: old.root }])
    source.add(demo, 'latest', young)
    clock.advance(1000 * DAY_MS)
    source.asked.length = 0
    expect(await rig.mirror.resolve(latest, { signal: never })).toMatchObject({
      descriptor: old.root,
      outcome: 'hit',
    })
    await test.restart()
    expect(await test.pull()).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(source.asked.filter((ask) => ask === headOfTag)).toEqual([])
    expect(await test.unfreeze()).toBe(true)
    expect(await test.unfreeze()).toBe(false)
    expect(await test.control.freezes()).toEqual([])
    expect(await test.pull()).toMatchObject({ descriptor: young.root, outcome: 'miss' })
  })

  it('is on record as what it is frozen at, and so pinned and listed as that', async () => {
    await using test = await tagRig(old)
    await test.move(young)
    await test.freeze({ digest: old.root.digest })
    expect(await test.rig.inventory.tag(repository, name.tag)).toMatchObject({
      descriptor: old.root,
    })
  })

  it('is fetched by its digest where it was evicted', async () => {
    await using test = await tagRig(old)
    await test.move(young)
    await test.freeze({ digest: old.root.digest })
    await test.rig.holdings.evict(old.root.digest, () => true)
    test.source.asked.length = 0
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
    expect(test.source.asked).toEqual([`manifest ${demo}@${old.root.digest}`])
    expect(await test.rig.inventory.tag(repository, name.tag)).toMatchObject({
      descriptor: old.root,
    })
  })

  it('was so before a client heard that it had moved', async () => {
    await using test = await tagRig(old)
    const { source, clock } = test
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    source.add(demo, 'latest', young)
    clock.advance(POLICY.freshForMs)
    const pulled = test.pull()
    await gate.reached
    await test.freeze()
    gate.open()
    await pulled
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
  })

  it('can be frozen at what it was served as at a time', async () => {
    await using test = await tagRig(old)
    const { clock, startMs } = test
    clock.advance(DAY_MS)
    await test.move(young)
    const at = (atMs: number) => test.freeze({ atMs })
    expect(await at(startMs - 1)).toEqual({ outcome: 'unknown' })
    expect(await at(startMs + DAY_MS)).toMatchObject({ digest: old.root.digest })
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
    expect(await at(clock.now())).toMatchObject({ digest: young.root.digest })
    expect(await test.pull()).toMatchObject({ descriptor: young.root })
  })

  it('can be frozen at a digest that upstream has, and at no other', async () => {
    await using test = await tagRig(old)
    const { digest } = newest.root
    expect(await test.freeze({ digest })).toEqual({ outcome: 'gone' })
    test.source.add(demo, 'next', newest)
    test.clock.advance(POLICY.absentForMs)
    expect(await test.freeze({ digest })).toEqual({ outcome: 'frozen', digest })
    expect(await test.pull()).toMatchObject({ descriptor: newest.root })
  })

  it('can be one that nobody has asked for, but not one that is not there', async () => {
    await using test = await tagRig(old)
    test.source.add(demo, 'next', newest)
    const next = { ...name, tag: 'next' as Tag }
    const other = { ...name, tag: 'other' as Tag }
    const elsewhere = { ...name, repository: { ...repository, registry: 'ghcr.io' } }
    expect(await test.control.freeze(next, undefined, never)).toMatchObject({
      digest: newest.root.digest,
    })
    const refused = [
      [other, 'unknown'],
      [elsewhere, 'unmirrored'],
    ] as const
    for (const [missing, outcome] of refused) {
      expect(await test.control.freeze(missing, undefined, never)).toEqual({ outcome })
    }
  })

  it('has nothing that waits, and nothing to release; unfrozen, it is held again', async () => {
    await using test = await tagRig(old, { holdMs })
    await test.move(young)
    await test.freeze()
    expect(await test.control.holds()).toEqual([])
    expect(await test.release()).toEqual({ outcome: 'frozen' })
    await test.unfreeze()
    expect(await test.control.holds()).toHaveLength(1)
    expect(await test.pull()).toMatchObject({ descriptor: old.root })
  })
})

it('a history tells what upstream said, and when it was served', async () => {
  await using test = await tagRig(old, { holdMs })
  const { clock, startMs } = test
  await test.move(young)
  expect(await test.control.history(name)).toEqual([
    {
      descriptor: young.root,
      firstSeenMs: clock.now(),
      lastSeenMs: clock.now(),
      servedSinceMs: undefined,
    },
    { descriptor: old.root, firstSeenMs: startMs, lastSeenMs: startMs, servedSinceMs: startMs },
  ])
})
