import { describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { buildImage } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { isPending, turns, until } from '../support/turns.ts'
import { demo, mirrorOn, never, POLICY, pullBlobs, tagged, upstreamSource } from './mirror-rig.ts'

const old = await buildImage({ seed: 'old' })
const young = await buildImage({ seed: 'young' })
const latest = tagged('latest')
const headOfTag = `resolve ${demo}:latest`
const { freshForMs } = POLICY

/** A mirror that holds what its tags stand for; they were checked just now, and nothing asked since. */
async function known({ tags = ['latest'], isLow = false } = {}) {
  const source = upstreamSource()
  const clock = new FakeClock()
  const rig = await mirrorOn(source, {
    clock,
    isLow: () => isLow,
    policy: { refreshAhead: true },
  })
  const pull = (tag = 'latest') => rig.mirror.manifest(tagged(tag), { signal: never })
  for (const tag of tags) {
    source.add(demo, tag, old)
    await pull(tag)
  }
  await until('it is kept', () => rig.inventory.held(old.root.digest))
  // Of an image that is not whole upstream would be asked.
  await pullBlobs(rig, old)
  source.asked.length = 0
  /** Until just before what was checked at first goes stale. */
  const waitWhileFresh = async () => {
    await turns()
    clock.advance(freshForMs - 1)
    await turns()
  }
  return {
    source,
    clock,
    rig,
    pull,
    waitWhileFresh,
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

describe('a tag that was pulled again since its last check', () => {
  it('is checked before it goes stale, so that no client waits', async () => {
    await using test = await known()
    const { source, clock, pull } = test
    for (let window = 1; window <= 3; window++) {
      clock.advance(freshForMs / 2)
      expect(await pull()).toMatchObject({ outcome: 'hit' })
      clock.advance(freshForMs * 0.3 - 1)
      await turns()
      expect(source.count('resolve')).toBe(window - 1)
      clock.advance(freshForMs * 0.1 + 1)
      await until('it is checked', () => source.count('resolve') === window)
    }
    clock.advance(freshForMs / 2)
    expect(await pull()).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag, headOfTag, headOfTag])
  })

  it('is there as it is now, manifest and all, where it has moved', async () => {
    await using test = await known()
    const { source, clock, rig, pull, waitWhileFresh } = test
    await pull()
    source.add(demo, 'latest', young)
    await waitWhileFresh()
    await until('it is kept', () => rig.inventory.held(young.root.digest))
    clock.advance(1)
    expect(await pull()).toMatchObject({ descriptor: young.root, outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag, `manifest ${demo}@${young.root.digest}`])
  })

  it('is asked for once with the client that comes while it is checked', async () => {
    await using test = await known()
    const { source, clock, pull, waitWhileFresh } = test
    await pull()
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    await waitWhileFresh()
    await gate.reached
    clock.advance(1)
    const waits = pull()
    await turns()
    gate.open()
    expect(await waits).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag])
  })

  it('is left to the next client where the check fails', async () => {
    await using test = await known()
    const { source, clock, rig, pull, waitWhileFresh } = test
    await pull()
    source.before = () => Promise.reject(upstreamError('unreachable'))
    await waitWhileFresh()
    expect(rig.logged('revalidation failed')).toHaveLength(1)
    expect(await pull()).toMatchObject({ outcome: 'hit' })
    source.before = () => Promise.resolve()
    clock.advance(1)
    expect(await pull()).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag, headOfTag])
  })
})

it('a clock that is put back does not end that tags are checked ahead', async () => {
  await using test = await known()
  const { source, clock, pull } = test
  await pull()
  clock.putBack(1000 * freshForMs)
  clock.advance(freshForMs * 0.9)
  await until('it is checked', () => source.count('resolve') === 1)
})

describe('a tag is not checked ahead', () => {
  it('that nobody has pulled again', async () => {
    await using test = await known()
    await test.waitWhileFresh()
    expect(test.source.asked).toEqual([])
    test.clock.advance(1)
    await test.pull()
    expect(test.source.asked).toEqual([headOfTag])
  })

  it('while pulls are to be spared', async () => {
    await using test = await known({ isLow: true })
    await test.pull()
    await test.waitWhileFresh()
    expect(test.source.asked).toEqual([])
  })

  it('while upstream was last heard to fail', async () => {
    await using test = await known()
    const { source, rig, pull, waitWhileFresh } = test
    await pull()
    source.before = () => Promise.reject(upstreamError('unreachable'))
    await expect(rig.mirror.manifest(tagged('other'), { signal: never })).rejects.toThrow()
    await waitWhileFresh()
    expect(source.count('resolve')).toBe(0)
  })

  it('to its end when the mirror stops meanwhile', async () => {
    const { source, rig, pull, waitWhileFresh } = await known()
    await pull()
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    await waitWhileFresh()
    await gate.reached
    await rig[Symbol.asyncDispose]()
    expect(rig.logged('revalidation failed')).toEqual([])
  })
})

it('the mirror stops when what a check has found is on record', async () => {
  await using test = await known()
  const { rig, pull, waitWhileFresh } = test
  await pull()
  const gate = new Gate()
  rig.inventorySteps.seeTag = async (see) => {
    await gate.pass()
    return see()
  }
  await waitWhileFresh()
  await gate.reached
  const stops = rig.mirror[Symbol.asyncDispose]()
  expect(await isPending(stops)).toBe(true)
  gate.open()
  await stops
})

it('the manifest of a tag that clients only look at is not fetched', async () => {
  const source = upstreamSource()
  source.add(demo, 'latest', old)
  const clock = new FakeClock()
  await using rig = await mirrorOn(source, { clock, policy: { refreshAhead: true } })
  const look = () => rig.mirror.resolve(latest, { signal: never })
  await look()
  await look()
  source.add(demo, 'latest', young)
  clock.advance(freshForMs - 1)
  await until('it is checked', () => source.count('resolve') === 2)
  await turns()
  expect(await look()).toMatchObject({ descriptor: young.root, outcome: 'hit' })
  expect(source.asked).toEqual([headOfTag, headOfTag])
})

it('few tags are checked at once', async () => {
  const tags = Array.from({ length: 20 }, (_, index) => `${index}`)
  await using test = await known({ tags })
  const { source, pull, waitWhileFresh } = test
  for (const tag of tags) await pull(tag)
  const gates: Gate[] = []
  source.before = (signal) => {
    const gate = new Gate()
    gates.push(gate)
    return gate.pass(signal)
  }
  await waitWhileFresh()
  for (let checked = 0; checked < tags.length; checked += 4) {
    await until('four are asked for', () => gates.length === checked + 4)
    await turns()
    expect(gates).toHaveLength(checked + 4)
    for (const gate of gates) gate.open()
  }
  await turns()
  expect(source.asked).toHaveLength(tags.length)
})
