import { describe, expect, it } from 'vitest'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import type { ReferrerFilter } from '../../src/oci/referrers.ts'
import { buildArtifact, SBOM_TYPE, SIGNATURE_TYPE } from '../support/artifacts.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { buildImage } from '../support/images.ts'
import { upstreamError, type ScriptedSource } from '../support/scripted-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { isPending, until } from '../support/turns.ts'
import {
  demo,
  mirrorOn,
  never,
  POLICY,
  tagged,
  upstreamSource,
  type MirrorRigOptions,
} from './mirror-rig.ts'

const image = await buildImage()
const { digest } = image.root
const signature = buildArtifact({ subject: image.root }).referrer
const sbom = buildArtifact({ subject: image.root, artifactType: SBOM_TYPE }).referrer
const other = parseRepository('library/other')!

function signed(): ScriptedSource {
  const source = upstreamSource()
  source.add(demo, '1', image)
  source.setReferrers(demo, digest, [signature, sbom])
  return source
}

const failing = () => Promise.reject(new InventoryError('the disk is gone'))

async function prepare(source = signed(), options: MirrorRigOptions = {}) {
  const clock = new FakeClock()
  const rig = await mirrorOn(source, { clock, ...options })
  const list = (filter: ReferrerFilter = {}, repository = demo) =>
    rig.mirror.referrers(repository, digest, filter, { signal: never })
  const pull = async () => {
    await rig.mirror.manifest(tagged('1'), { signal: never })
    await until('it is held', async () => (await rig.inventory.held(digest)) !== undefined)
  }
  const asked = () => source.asked.filter((ask) => ask.startsWith('referrers'))
  const dispose = () => rig[Symbol.asyncDispose]()
  return { source, clock, rig, list, pull, asked, [Symbol.asyncDispose]: dispose }
}

describe('a list of referrers', () => {
  it('comes from upstream, once while it is fresh and however many ask', async () => {
    await using test = await prepare()
    const gate = new Gate()
    test.source.before = () => gate.pass()
    const asking = Promise.all(Array.from({ length: 20 }, () => test.list()))
    expect(await isPending(asking)).toBe(true)
    gate.open()
    const [first, ...others] = await asking
    expect(first).toEqual({ referrers: [signature, sbom], outcome: 'miss' })
    for (const one of others) {
      expect(one).toEqual({ referrers: [signature, sbom], outcome: 'join' })
    }
    test.clock.advance(POLICY.freshForMs - 1)
    expect((await test.list()).outcome).toBe('hit')
    expect(test.asked()).toHaveLength(1)
    test.source.setReferrers(demo, digest, [])
    test.clock.advance(1)
    expect(await test.list()).toEqual({ referrers: [], outcome: 'miss' })
    expect((await test.list()).outcome).toBe('hit')
    expect(test.asked()).toHaveLength(2)
  })

  it('is asked for again where the clock was put back', async () => {
    await using test = await prepare()
    await test.list()
    test.clock.putBack(1)
    expect((await test.list()).outcome).toBe('miss')
  })

  it('is one list whatever it is filtered by', async () => {
    await using test = await prepare()
    expect((await test.list({ artifactType: SBOM_TYPE })).referrers).toEqual([sbom])
    expect((await test.list({ artifactType: SIGNATURE_TYPE })).referrers).toEqual([signature])
    expect((await test.list()).referrers).toEqual([signature, sbom])
    expect(test.asked()).toHaveLength(1)
  })

  it('is of one repository', async () => {
    await using test = await prepare()
    await test.list()
    expect(await test.list({}, other)).toEqual({ referrers: [], outcome: 'miss' })
  })

  it.each(['unreachable', 'server', 'rate-limited', 'timeout', 'token'] as const)(
    'is served stale, however old, while upstream fails as %s',
    async (kind) => {
      await using test = await prepare()
      await test.list()
      test.source.before = () => Promise.reject(upstreamError(kind))
      test.clock.advance(POLICY.freshForMs + POLICY.staleForMs * 10)
      expect(await test.list()).toEqual({ referrers: [signature, sbom], outcome: 'stale' })
    },
  )

  it('is served stale when upstream does not answer in time', async () => {
    await using test = await prepare()
    await test.list()
    test.clock.advance(POLICY.freshForMs)
    test.source.before = () => new Gate().pass()
    const asking = test.list()
    expect(await isPending(asking)).toBe(true)
    test.clock.advance(10_000)
    expect((await asking).outcome).toBe('stale')
  })

  it('is an error where upstream fails and has never listed it, or refuses', async () => {
    await using test = await prepare()
    const error = upstreamError('unreachable')
    test.source.before = () => Promise.reject(error)
    expect(await caught(test.list())).toBe(error)
    test.source.before = () => Promise.resolve()
    await test.list()
    test.clock.advance(POLICY.freshForMs)
    const denied = upstreamError('denied')
    test.source.before = () => Promise.reject(denied)
    expect(await caught(test.list())).toBe(denied)
  })

  it('of what is held outlives a restart', async () => {
    await using folder = await temporaryFolder()
    const clock = new FakeClock()
    const options = { folder: folder.path, clock }
    {
      await using before = await prepare(signed(), options)
      await before.pull()
      await before.list()
    }
    await using after = await prepare(signed(), options)
    expect((await after.list()).outcome).toBe('hit')
    clock.advance(POLICY.freshForMs)
    after.source.before = () => Promise.reject(upstreamError('unreachable'))
    expect(await after.list()).toEqual({ referrers: [signature, sbom], outcome: 'stale' })
    expect(await caught(after.list({}, other))).toMatchObject({ kind: 'unreachable' })
  })

  it('is kept from when its manifest is held, also where it was listed before', async () => {
    await using test = await prepare()
    const checkedAtMs = test.clock.now()
    await test.list()
    const kept = () => test.rig.inventory.referrers(digest, { registry: 'docker.io', name: demo })
    expect(await kept()).toBeUndefined()
    test.clock.advance(1)
    await test.pull()
    expect(await until('it is kept', kept)).toEqual({ referrers: [signature, sbom], checkedAtMs })
  })

  it('goes with its manifest, from memory too', async () => {
    await using test = await prepare()
    await test.pull()
    await test.list()
    await test.rig.holdings.evict(digest, () => true)
    expect((await test.list()).outcome).toBe('miss')
  })

  it('comes from upstream where the inventory fails', async () => {
    await using test = await prepare()
    const { list, rig } = test
    rig.inventorySteps.referrers = failing
    rig.inventorySteps.putReferrers = failing
    expect((await list()).referrers).toEqual([signature, sbom])
    expect((await list()).outcome).toBe('hit')
  })

  it('of what nobody has is empty', async () => {
    await using test = await prepare()
    const unknown = digestOf(Buffer.from('unknown'))
    const asked = test.rig.mirror.referrers(demo, unknown, {}, { signal: never })
    expect((await asked).referrers).toEqual([])
  })
})
