import { describe, expect, it } from 'vitest'
import type { WarmedContent } from '../../src/cache/operations.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { caught } from '../support/caught.ts'
import { Gate } from '../support/gate.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { upstreamError } from '../support/scripted-source.ts'
import { isPending, turns, until } from '../support/turns.ts'
import { drained } from './fill-rig.ts'
import { demo, never } from './mirror-rig.ts'
import { amd64, arm64, attestation, index, warmRig, type WarmRig } from './warm-rig.ts'

function digestsOf(...images: TestImage[]): Digest[] {
  return images.flatMap(({ manifests, blobs }) => [...manifests.keys(), ...blobs.keys()]).sort()
}

async function heldIn({ inventory }: WarmRig): Promise<Digest[]> {
  return (await inventory.contents(undefined, 100)).map(({ digest }) => digest)
}

/** What upstream was asked for by digest. */
function askedFor({ source }: WarmRig): string[] {
  return source.asked.flatMap((ask) => ask.split('@')[1] ?? [])
}

describe('warming an image', () => {
  it('holds all of it where no platform is asked for', async () => {
    await using rig = await warmRig()
    const items: WarmedContent[] = []
    const [warmed] = await rig.run(['latest'], { items })
    expect(await heldIn(rig)).toEqual(digestsOf(index))
    expect(warmed).toMatchObject({
      digest: index.root.digest,
      contents: digestsOf(index).length,
      missingBytes: 0,
      failure: undefined,
    })
    expect(warmed!.fetchedBytes).toBe(warmed!.bytes)
    expect(items.map(({ digest }) => digest).sort()).toEqual(digestsOf(index))
    expect(new Set(items.map(({ outcome }) => outcome))).toEqual(new Set(['miss']))
  })

  it('asks for nothing but the platforms, with their attestations', async () => {
    await using rig = await warmRig()
    const [warmed] = await rig.run(['latest'], { platforms: ['linux/amd64'] })
    expect(warmed).toMatchObject({ missingBytes: 0, failure: undefined })
    const wanted = [index.root.digest, ...digestsOf(amd64, attestation)].sort()
    expect(await heldIn(rig)).toEqual(wanted)
    expect(askedFor(rig).filter((digest) => !wanted.includes(digest as Digest))).toEqual([])
    const [image] = await rig.inventory.images({
      repository: undefined,
      after: undefined,
      limit: 9,
    })
    expect(image).toMatchObject({ digest: index.root.digest, tags: ['latest'], missingBytes: 0 })
  })

  it('leaves attestations of other platforms where they are', async () => {
    await using rig = await warmRig()
    await rig.run(['latest'], { platforms: ['linux/arm64'] })
    expect(await heldIn(rig)).toEqual([index.root.digest, ...digestsOf(arm64)].sort())
  })

  it('costs nothing where it is held', async () => {
    await using rig = await warmRig()
    await rig.run(['latest'])
    rig.source.asked.length = 0
    const items: WarmedContent[] = []
    const [warmed] = await rig.run(['latest'], { items })
    expect(rig.source.asked).toEqual([])
    expect(warmed).toMatchObject({ fetchedBytes: 0, missingBytes: 0, failure: undefined })
    expect(items.every(({ outcome }) => outcome === 'hit')).toBe(true)
  })

  it('looks at once whether a tag has moved when it is not fresh, and fetches what is new', async () => {
    await using rig = await warmRig()
    await rig.run(['latest'])
    rig.clock.advance(3_600_000)
    const moved = buildIndex({ amd64, arm64: await buildImage({ seed: 'new' }) })
    rig.source.add(demo, 'latest', moved)
    rig.source.asked.length = 0
    const [warmed] = await rig.run(['latest'])
    expect(warmed).toMatchObject({ digest: moved.root.digest, failure: undefined })
    const old = digestsOf(index)
    expect(askedFor(rig).filter((digest) => old.includes(digest as Digest))).toEqual([])
  })

  it('joins a fill that a client has started', async () => {
    await using rig = await warmRig()
    const [layer] = amd64.blobs.keys()
    const gate = new Gate()
    rig.source.script({ gate })
    const pulled = rig.mirror.blob(demo, layer!, { signal: never })
    await gate.reached
    const items: WarmedContent[] = []
    const warmed = rig.run(['latest'], { platforms: ['linux/amd64'], items })
    await until('all else is held', () => items.length === 9 - 1 - 1)
    expect(await isPending(warmed)).toBe(true)
    gate.open()
    expect((await warmed)[0]).toMatchObject({ missingBytes: 0, failure: undefined })
    expect(items.find(({ digest }) => digest === layer)?.outcome).toBe('join')
    expect(rig.source.asked.filter((ask) => ask === `blob ${demo}@${layer}`)).toHaveLength(1)
    await drained((await pulled)!.body)
  })

  it('waits for no more than three blobs at once', async () => {
    const many = await buildImage({ seed: 'many', layers: 7, layerBytes: 100 })
    await using rig = await warmRig()
    rig.source.add(demo, 'many', many)
    const gates = Array.from(many.blobs, () => new Gate())
    rig.source.script(...gates.map((gate) => ({ gate })))
    const warmed = rig.run(['many'])
    for (const [count, gate] of gates.entries()) {
      await until('a fill is there', () => rig.source.ranges.length === Math.min(count + 3, 8))
      await turns()
      expect(rig.fills.list().length).toBeLessThanOrEqual(3)
      gate.open()
    }
    expect((await warmed)[0]).toMatchObject({ contents: 9, failure: undefined })
  })

  it('ends with who asked for it, but for the fills that are under way', async () => {
    await using rig = await warmRig()
    const gates = [new Gate(), new Gate(), new Gate()]
    rig.source.script(...gates.map((gate) => ({ gate })))
    const caller = new AbortController()
    const warmed = caught(rig.run(['latest'], { signal: caller.signal }))
    await gates[2]!.reached
    caller.abort(new Error('it has left'))
    expect(await warmed).toEqual(new Error('it has left'))
    const [first, second, third] = rig.fills.list().map(({ digest }) => digest)
    for (const gate of gates) gate.open()
    await until('they are kept', () => rig.fills.list().length === 0)
    const held = await heldIn(rig)
    expect([first, second, third].every((digest) => held.includes(digest!))).toBe(true)
    expect(rig.source.count('blob')).toBe(3)
  })

  it('ends when it is disposed', async () => {
    await using rig = await warmRig()
    const gate = new Gate()
    rig.source.script({ gate })
    const warmed = caught(rig.run(['latest']))
    await gate.reached
    await rig.warm[Symbol.asyncDispose]()
    expect(await warmed).toBeInstanceOf(Error)
    gate.open()
  })
})

describe('what cannot be warmed', () => {
  it('is told of what a rule refuses, with the rule, and upstream is not asked', async () => {
    await using rig = await warmRig({ deny: ['library/demo:latest'] })
    const [warmed] = await rig.run(['latest'])
    expect(warmed).toMatchObject({
      digest: undefined,
      contents: 0,
      failure: {
        reason: 'denied',
        message:
          'docker.io/library/demo:latest is denied here by the rule deny: library/demo:latest',
        isPassing: false,
      },
    })
    expect(rig.source.asked).toEqual([])
    expect(rig.logged('warming failed')).toHaveLength(1)
  })

  it('is what upstream does not have; the others are warmed', async () => {
    await using rig = await warmRig()
    const [gone, warmed] = await rig.run(['gone', 'latest'])
    expect(gone).toMatchObject({
      failure: { reason: 'absent', message: 'upstream does not have it' },
    })
    expect(warmed).toMatchObject({ missingBytes: 0, failure: undefined })
  })

  it('is a platform that the image is not for; the others are warmed', async () => {
    await using rig = await warmRig()
    const [warmed] = await rig.run(['latest'], { platforms: ['linux/arm64', 'linux/s390x'] })
    expect(warmed).toMatchObject({
      missingBytes: 0,
      failure: {
        reason: 'absent',
        message: 'it is for linux/amd64, linux/arm64/v8, not for linux/s390x',
      },
    })
    expect(await heldIn(rig)).toEqual([index.root.digest, ...digestsOf(arm64)].sort())
  })

  it('is left to clients while the limit is nearly used up', async () => {
    await using rig = await warmRig()
    rig.budget.isLow = true
    const [warmed] = await rig.run(['latest'])
    expect(warmed!.failure).toMatchObject({ reason: 'limited', isPassing: true })
    expect(rig.source.asked).toEqual([])
  })

  it('is what is left when the limit runs low: no further manifest is asked for', async () => {
    await using rig = await warmRig()
    let asked = 0
    rig.source.before = () => {
      rig.budget.isLow = ++asked === 2
      return Promise.resolve()
    }
    const [warmed] = await rig.run(['latest'])
    expect(warmed).toMatchObject({ contents: 5, failure: { reason: 'limited' } })
    expect(warmed!.missingBytes).toBeGreaterThan(0)
    expect(rig.source.asked).toHaveLength(2)
  })

  it('is what upstream fails to give; what is not there is counted', async () => {
    await using rig = await warmRig()
    rig.source.add(demo, 'one', amd64)
    rig.source.script({ error: upstreamError('unreachable') })
    const [warmed] = await rig.run(['one'])
    expect(warmed).toMatchObject({ failure: { reason: 'upstream', isPassing: true } })
    expect(warmed!.missingBytes).toBeGreaterThan(0)
  })

  it('is a tag of which upstream does not say what it stands for', async () => {
    await using rig = await warmRig()
    await rig.run(['latest'])
    rig.clock.advance(3_600_000)
    rig.source.before = () => Promise.reject(upstreamError('unreachable'))
    const [warmed] = await rig.run(['latest'])
    expect(warmed!.failure).toMatchObject({ reason: 'upstream', isPassing: true })
  })

  it('is not a manifest that upstream lacks and nobody asked for', async () => {
    await using rig = await warmRig()
    const sparse = buildIndex({ amd64, arm64: await buildImage({ seed: 'not there' }) })
    const there = { ...index, root: sparse.root, manifests: new Map(index.manifests) }
    there.manifests.set(sparse.root.digest, sparse.manifests.get(sparse.root.digest)!)
    rig.source.add(demo, 'sparse', there)
    expect((await rig.run(['sparse']))[0]).toMatchObject({ missingBytes: 0, failure: undefined })
    expect((await rig.run(['sparse'], { platforms: ['linux/arm64'] }))[0]).toMatchObject({
      failure: { reason: 'absent' },
    })
  })
})
