import { describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.ts'
import { buildImage } from '../support/images.ts'
import {
  demo,
  mirrorOn,
  never,
  POLICY,
  pullBlobs,
  tagged,
  upstreamSource,
  type MirrorRigOptions,
} from './mirror-rig.ts'

const image = await buildImage({ seed: 'known' })
const other = await buildImage({ seed: 'other' })
const headOfTag = `resolve ${demo}:latest`
const { freshForMs } = POLICY

/** A mirror that holds `latest`, with few pulls left. */
async function known(policy: MirrorRigOptions['policy'] = {}) {
  const source = upstreamSource()
  source.add(demo, 'latest', image)
  const clock = new FakeClock()
  const budget = { isLow: true }
  const rig = await mirrorOn(source, { clock, isLow: () => budget.isLow, policy })
  const pull = (tag = 'latest') => rig.mirror.manifest(tagged(tag), { signal: never })
  await pull()
  await pullBlobs(rig, image)
  source.asked.length = 0
  return {
    source,
    clock,
    budget,
    rig,
    pull,
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

describe('while pulls are to be spared', () => {
  it('a stale tag is served unasked, until it is twelve times as old as a fresh one may be', async () => {
    await using test = await known()
    const { source, clock, rig, pull } = test
    clock.advance(freshForMs - 1)
    expect(await pull()).toMatchObject({ outcome: 'hit' })
    clock.advance(1)
    expect(await pull()).toMatchObject({ descriptor: image.root, outcome: 'stale' })
    clock.advance(11 * freshForMs - 1)
    const resolved = await rig.mirror.resolve(tagged('latest'), { signal: never })
    expect(resolved).toMatchObject({ descriptor: image.root, outcome: 'stale' })
    expect(source.asked).toEqual([])
    clock.advance(1)
    expect(await pull()).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag])
  })

  it('an expired tag is asked for', async () => {
    await using test = await known({ staleForMs: freshForMs })
    test.clock.advance(2 * freshForMs)
    expect(await test.pull()).toMatchObject({ outcome: 'hit' })
    expect(test.source.asked).toEqual([headOfTag])
  })

  it('what nobody has pulled yet is fetched', async () => {
    await using test = await known()
    test.source.add(demo, 'new', other)
    expect(await test.pull('new')).toMatchObject({ descriptor: other.root, outcome: 'miss' })
  })
})

it('a stale tag is asked for as ever once pulls need not be spared', async () => {
  await using test = await known()
  test.clock.advance(freshForMs)
  expect(await test.pull()).toMatchObject({ outcome: 'stale' })
  test.budget.isLow = false
  expect(await test.pull()).toMatchObject({ outcome: 'hit' })
  expect(test.source.asked).toEqual([headOfTag])
})
