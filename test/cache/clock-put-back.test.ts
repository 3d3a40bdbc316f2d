import { describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.ts'
import { buildImage } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { a, listener, prepare, pull, whole } from './eviction-rig.ts'
import { demo, mirrorOn, never, POLICY, pullBlobs, tagged, upstreamSource } from './mirror-rig.ts'

const old = await buildImage({ seed: 'old' })
const young = await buildImage({ seed: 'young' })
const YEAR_MS = 365 * 86_400_000

/** A mirror whose clock is a year ahead. */
async function ahead() {
  const source = upstreamSource()
  const clock = new FakeClock()
  const rig = await mirrorOn(source, { clock })
  return {
    source,
    clock,
    rig,
    pull: () => rig.mirror.manifest(tagged('latest'), { signal: never }),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

describe('a clock that is put back', () => {
  it('does not make a tag fresh for as long', async () => {
    await using test = await ahead()
    const { source, clock, pull } = test
    source.add(demo, 'latest', old)
    await pull()
    clock.putBack(YEAR_MS)
    source.add(demo, 'latest', young)
    expect(await pull()).toMatchObject({ descriptor: young.root, outcome: 'miss' })
    clock.advance(POLICY.freshForMs - 1)
    expect(await pull()).toMatchObject({ descriptor: young.root, outcome: 'hit' })
  })

  it('leaves a tag good enough to be served while upstream fails', async () => {
    await using test = await ahead()
    const { source, clock, rig, pull } = test
    source.add(demo, 'latest', old)
    await pull()
    await pullBlobs(rig, old)
    source.resolve = () => Promise.reject(upstreamError('unreachable'))
    clock.putBack(YEAR_MS)
    expect(await pull()).toMatchObject({ descriptor: old.root, outcome: 'stale' })
  })

  it('does not make a tag absent for as long', async () => {
    await using test = await ahead()
    const { source, clock, pull } = test
    expect(await pull()).toBeUndefined()
    source.add(demo, 'latest', old)
    clock.putBack(YEAR_MS)
    expect(await pull()).toMatchObject({ descriptor: old.root })
  })

  it('does not keep what was used before from being evicted', async () => {
    await using rig = await prepare()
    await pull(rig, 'a', a)
    rig.clock.putBack(YEAR_MS)
    await rig.eviction.run({ isDryRun: false, toBytes: 0 }, listener())
    expect(await whole(rig)).toBe('')
  })
})
