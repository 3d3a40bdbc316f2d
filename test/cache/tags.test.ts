import { describe, expect, it } from 'vitest'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import type { UpstreamErrorKind } from '../../src/oci/upstream-error.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { buildImage } from '../support/images.ts'
import { upstreamError, type ScriptedSource } from '../support/scripted-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { isPending, until } from '../support/turns.ts'
import {
  byDigest,
  demo,
  mirrorOn,
  never,
  POLICY,
  tagged,
  pullBlobs,
  upstreamSource,
  type MirrorRig,
  type MirrorRigOptions,
} from './mirror-rig.ts'

const old = await buildImage({ seed: 'old' })
const young = await buildImage({ seed: 'young' })
const latest = tagged('latest')
const TRANSIENT = ['unreachable', 'timeout', 'server', 'rate-limited', 'token'] as const
const expiryMs = POLICY.freshForMs + POLICY.staleForMs

/** A mirror that holds all of `old`, under `latest`; nothing asked since. */
async function known(options: MirrorRigOptions = {}) {
  const source = upstreamSource()
  source.add(demo, 'latest', old)
  const clock = new FakeClock()
  const rig = await mirrorOn(source, { clock, ...options })
  await pull(rig)
  await pullBlobs(rig, old)
  source.asked.length = 0
  return { source, clock, rig, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() }
}

function pull({ mirror }: MirrorRig, signal = never) {
  return mirror.manifest(latest, { signal })
}

function look({ mirror }: MirrorRig) {
  return mirror.resolve(latest, { signal: never })
}

function goDown(source: ScriptedSource, kind: UpstreamErrorKind = 'unreachable') {
  const error = upstreamError(kind)
  source.before = () => Promise.reject(error)
  return error
}

const headOfTag = `resolve ${demo}:latest`

describe('a tag that nobody has asked for yet', () => {
  it('costs one GET and no HEAD, however many clients pull it', async () => {
    const source = upstreamSource()
    source.add(demo, 'latest', old)
    await using rig = await mirrorOn(source)
    const gate = new Gate()
    source.before = () => gate.pass()
    const pulls = Promise.all(Array.from({ length: 30 }, () => pull(rig)))
    expect(await isPending(pulls)).toBe(true)
    gate.open()
    const outcomes = (await pulls).map((manifest) => {
      expect(manifest!.descriptor).toEqual(old.root)
      return manifest!.outcome
    })
    expect(outcomes.sort()).toEqual([...Array<string>(29).fill('join'), 'miss'])
    expect(source.asked).toEqual([`manifest ${demo}:latest`])
  })

  it('costs one HEAD when it is only looked at', async () => {
    const source = upstreamSource()
    source.add(demo, 'latest', old)
    await using rig = await mirrorOn(source)
    const resolved = await rig.mirror.resolve(latest, { signal: never })
    expect(resolved).toMatchObject({ descriptor: old.root, outcome: 'miss' })
    expect(await pull(rig)).toMatchObject({ descriptor: old.root, outcome: 'miss' })
    expect(source.asked).toEqual([headOfTag, `manifest ${demo}@${old.root.digest}`])
  })

  it('is asked for once by one who comes while the answer of the first is written down', async () => {
    const source = upstreamSource()
    source.add(demo, 'latest', old)
    await using rig = await mirrorOn(source)
    const looked = new Gate()
    rig.inventorySteps.tag = async (look) => {
      const before = await look()
      delete rig.inventorySteps.tag
      await looked.pass()
      return before
    }
    const late = pull(rig)
    await looked.reached
    await pull(rig)
    looked.open()
    expect(await late).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(source.asked).toEqual([`manifest ${demo}:latest`])
  })

  it('is absent for a while where upstream says so', async () => {
    const source = upstreamSource()
    const clock = new FakeClock()
    await using rig = await mirrorOn(source, { clock })
    expect(await pull(rig)).toBeUndefined()
    source.add(demo, 'latest', old)
    clock.advance(POLICY.absentForMs - 1)
    expect(await pull(rig)).toBeUndefined()
    expect(await rig.mirror.resolve(latest, { signal: never })).toBeUndefined()
    expect(source.asked).toHaveLength(1)
    clock.advance(1)
    expect(await pull(rig)).toMatchObject({ descriptor: old.root })
  })

  it('is an error where upstream fails', async () => {
    const source = upstreamSource()
    await using rig = await mirrorOn(source)
    const error = goDown(source, 'rate-limited')
    expect(await caught(pull(rig))).toBe(error)
  })

  it('is served where the inventory fails', async () => {
    const source = upstreamSource()
    source.add(demo, 'latest', old)
    await using rig = await mirrorOn(source)
    const error = new InventoryError('broken')
    rig.inventorySteps.tag = () => Promise.reject(error)
    rig.inventorySteps.seeTag = () => Promise.reject(error)
    expect(await pull(rig)).toMatchObject({ descriptor: old.root })
    expect(rig.logged('inventory failed')).toHaveLength(2)
  })
})

describe('a fresh tag', () => {
  it('is served without asking, until it is stale', async () => {
    await using test = await known()
    test.clock.advance(POLICY.freshForMs - 1)
    goDown(test.source)
    expect(await pull(test.rig)).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(test.source.asked).toEqual([])
    test.clock.advance(1)
    expect(await pull(test.rig)).toMatchObject({ outcome: 'stale' })
    expect(test.source.asked).toEqual([headOfTag])
  })

  it('is still known after a restart', async () => {
    await using data = await temporaryFolder()
    const clock = new FakeClock()
    const test = await known({ folder: data.path, clock })
    await test.rig[Symbol.asyncDispose]()
    await using rig = await mirrorOn(test.source, { folder: data.path, clock })
    const resolved = await rig.mirror.resolve(latest, { signal: never })
    expect(resolved).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    clock.advance(POLICY.freshForMs)
    await rig.mirror.resolve(latest, { signal: never })
    expect(test.source.asked.filter((ask) => ask === headOfTag)).toHaveLength(1)
  })
})

describe('a stale tag', () => {
  it('is renewed by one HEAD for any number of clients where it has not moved', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(POLICY.freshForMs)
    const gate = new Gate()
    source.before = () => gate.pass()
    const pulls = Promise.all([
      ...Array.from({ length: 20 }, () => pull(rig)),
      ...Array.from({ length: 20 }, () => rig.mirror.resolve(latest, { signal: never })),
    ])
    expect(await isPending(pulls)).toBe(true)
    gate.open()
    for (const one of await pulls)
      expect(one).toMatchObject({ descriptor: old.root, outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag])
    clock.advance(POLICY.freshForMs - 1)
    goDown(source)
    expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag])
  })

  it('counts as checked when upstream was asked, however late it answers', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(expiryMs)
    const gate = new Gate()
    source.before = () => gate.pass()
    const waits = pull(rig)
    await gate.reached
    clock.advance(POLICY.freshForMs - 1)
    gate.open()
    await waits
    expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
    expect(source.count('resolve')).toBe(1)
    clock.advance(1)
    await pull(rig)
    expect(source.count('resolve')).toBe(2)
  })

  it('is fetched by digest where it has moved', async () => {
    await using test = await known()
    test.clock.advance(POLICY.freshForMs)
    test.source.add(demo, 'latest', young)
    expect(await pull(test.rig)).toMatchObject({ descriptor: young.root, outcome: 'miss' })
    expect(await pull(test.rig)).toMatchObject({ descriptor: young.root, outcome: 'hit' })
    expect(test.source.asked).toEqual([headOfTag, `manifest ${demo}@${young.root.digest}`])
  })

  it('stays as it was where it has moved and the new manifest cannot be had', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(POLICY.freshForMs)
    source.add(demo, 'latest', young)
    const error = upstreamError('rate-limited')
    source.manifest = () => Promise.reject(error)
    expect(await pull(rig)).toMatchObject({ descriptor: old.root, outcome: 'stale' })
    expect(await pull(rig)).toMatchObject({ descriptor: old.root, outcome: 'stale' })
    clock.advance(expiryMs)
    expect(await caught(pull(rig))).toBe(error)
  })

  it('is fetched where it has moved for one who only looks, as containerd does before it pulls', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(POLICY.freshForMs)
    source.add(demo, 'latest', young)
    const resolved = await look(rig)
    expect(resolved).toMatchObject({ descriptor: young.root, outcome: 'miss' })
    expect(await pull(rig)).toMatchObject({ descriptor: young.root, outcome: 'hit' })
    expect(source.asked).toEqual([headOfTag, `manifest ${demo}@${young.root.digest}`])
  })

  it('stays as it was for one who only looks, too, until the new manifest is here', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(POLICY.freshForMs)
    source.add(demo, 'latest', young)
    source.manifest = () => Promise.reject(upstreamError('rate-limited'))
    expect(await look(rig)).toMatchObject({ descriptor: old.root, outcome: 'stale' })
    expect(await pull(rig)).toMatchObject({ descriptor: old.root, outcome: 'stale' })
  })

  it('costs no pull where nobody has ever pulled it', async () => {
    const source = upstreamSource()
    source.add(demo, 'latest', old)
    const clock = new FakeClock()
    await using rig = await mirrorOn(source, { clock })
    await look(rig)
    source.add(demo, 'latest', young)
    clock.advance(POLICY.freshForMs)
    expect(await look(rig)).toMatchObject({ descriptor: young.root, outcome: 'miss' })
    expect(source.asked).toEqual([headOfTag, headOfTag])
  })

  it.each(TRANSIENT)('is served while upstream fails: %s', async (kind) => {
    await using test = await known()
    const { source, clock, rig } = test
    const error = goDown(source, kind)
    clock.advance(expiryMs - 1)
    expect(await pull(rig)).toMatchObject({ descriptor: old.root, outcome: 'stale' })
    const resolved = await rig.mirror.resolve(latest, { signal: never })
    expect(resolved).toMatchObject({ descriptor: old.root, outcome: 'stale' })
    expect(rig.logged('revalidation failed').length).toBeGreaterThan(0)
    clock.advance(1)
    expect(await caught(pull(rig))).toBe(error)
    source.before = () => Promise.resolve()
    expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
  })

  it.each(['denied', 'invalid', 'refused'] as const)(
    'is not served when asking is %s',
    async (kind) => {
      await using test = await known()
      const error = goDown(test.source, kind)
      test.clock.advance(POLICY.freshForMs)
      expect(await caught(pull(test.rig))).toBe(error)
    },
  )

  it('is served when upstream takes too long, which is still heard when it answers', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(POLICY.freshForMs)
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    const waits = pull(rig)
    await gate.reached
    await until('patience', () => clock.sleeping > 1)
    clock.advance(9_999)
    expect(await isPending(waits)).toBe(true)
    clock.advance(1)
    expect(await waits).toMatchObject({ descriptor: old.root, outcome: 'stale' })
    source.add(demo, 'latest', young)
    gate.open()
    await until('the answer has come', () => source.count('manifest') === 1)
    await until('it is kept', () => rig.inventory.held(young.root.digest))
    expect(await pull(rig)).toMatchObject({ descriptor: young.root, outcome: 'hit' })
    expect(source.count('resolve')).toBe(1)
  })

  it('is served after waiting in vain, though it has expired meanwhile', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(expiryMs - 1)
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    const waits = pull(rig)
    await until('patience', () => clock.sleeping > 1)
    clock.advance(10_000)
    expect(await waits).toMatchObject({ descriptor: old.root, outcome: 'stale' })
  })

  it('is waited for as long as it takes where it has expired', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    clock.advance(expiryMs)
    const gate = new Gate()
    source.before = (signal) => gate.pass(signal)
    const waits = pull(rig)
    await gate.reached
    clock.advance(60_000)
    expect(await isPending(waits)).toBe(true)
    gate.open()
    expect(await waits).toMatchObject({ outcome: 'hit' })
  })

  it('lets a client go that does not wait', async () => {
    await using test = await known()
    test.clock.advance(POLICY.freshForMs)
    const gate = new Gate()
    test.source.before = (signal) => gate.pass(signal)
    const leaving = new AbortController()
    const waits = caught(pull(test.rig, leaving.signal))
    await gate.reached
    leaving.abort(new Error('gone'))
    expect(await waits).toMatchObject({ message: 'gone' })
    const stays = pull(test.rig)
    gate.open()
    expect(await stays).toMatchObject({ outcome: 'hit' })
    expect(test.source.count('resolve')).toBe(1)
  })

  it('is an error when its manifest is gone too and upstream fails', async () => {
    await using data = await temporaryFolder()
    const clock = new FakeClock()
    const test = await known({ folder: data.path, clock })
    await test.rig[Symbol.asyncDispose]()
    await using rig = await mirrorOn(test.source, { folder: data.path, clock })
    await rig.inventory.forget(old.root.digest)
    const error = goDown(test.source)
    expect(await caught(pull(rig))).toBe(error)
  })
})

describe('a tag that upstream no longer has', () => {
  it('is served until it expires, then dropped', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    source.hidesTags = true
    clock.advance(expiryMs - 1)
    expect(await pull(rig)).toMatchObject({ descriptor: old.root, outcome: 'stale' })
    expect(await pull(rig)).toMatchObject({ outcome: 'stale' })
    expect(source.count('resolve')).toBe(1)
    clock.advance(1)
    expect(await pull(rig)).toBeUndefined()
    expect(await rig.inventory.tags({ registry: 'docker.io', name: demo })).toEqual([])
    expect(await pull(rig)).toBeUndefined()
    expect(source.count('resolve')).toBe(1)
  })

  it('is served for ever where the policy says so', async () => {
    await using test = await known({ policy: { onAbsent: 'serve' } })
    test.source.hidesTags = true
    test.clock.advance(expiryMs * 10)
    expect(await pull(test.rig)).toMatchObject({ descriptor: old.root, outcome: 'stale' })
  })

  it('comes back when upstream has it again', async () => {
    await using test = await known()
    const { source, clock, rig } = test
    source.hidesTags = true
    clock.advance(expiryMs)
    expect(await pull(rig)).toBeUndefined()
    source.hidesTags = false
    clock.advance(POLICY.absentForMs)
    expect(await pull(rig)).toMatchObject({ descriptor: old.root })
  })
})

it('a manifest that was pulled by tag is there by digest', async () => {
  await using test = await known()
  const manifest = await test.rig.mirror.manifest(byDigest(old.root.digest), { signal: never })
  expect(manifest).toMatchObject({ descriptor: old.root, outcome: 'hit' })
  expect(test.source.asked).toEqual([])
})
