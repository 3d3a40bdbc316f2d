import { rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { digestOf, encodedOf } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { bytesOf } from '../support/images.ts'
import { upstreamError, type ScriptedSource } from '../support/scripted-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { isPending, until } from '../support/turns.ts'
import { drained } from './fill-rig.ts'
import { demo, mirrorOn, never, upstreamSource, type MirrorRig } from './mirror-rig.ts'

const bytes = bytesOf('blob', 300_000)
const digest = digestOf(bytes)
const other = parseRepository('library/other')!

function prepare(): ScriptedSource {
  const source = upstreamSource()
  source.addBlob(demo, digest, bytes)
  return source
}

/** Pulls the blob to its end; `undefined` where it is absent. */
async function pull({ mirror }: MirrorRig, repository = demo) {
  const blob = await mirror.blob(repository, digest, { signal: never })
  return blob && { ...(await drained(blob.body)), outcome: blob.outcome }
}

async function fill(rig: MirrorRig): Promise<void> {
  await pull(rig)
  await until('the fill has ended', () => rig.fills.list().length === 0)
}

function pathOf({ folder }: MirrorRig): string {
  const hex = encodedOf(digest)
  return join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex)
}

describe('a blob', () => {
  it('is a miss once, then a hit, also after a restart', async () => {
    await using data = await temporaryFolder()
    const source = prepare()
    {
      await using rig = await mirrorOn(source, { folder: data.path })
      expect(await pull(rig)).toMatchObject({ outcome: 'miss', error: undefined })
      await until('the fill has ended', () => rig.fills.list().length === 0)
      expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
    }
    await using again = await mirrorOn(source, { folder: data.path })
    const pulled = await pull(again)
    expect(pulled).toMatchObject({ outcome: 'hit' })
    expect(pulled!.bytes.equals(bytes)).toBe(true)
    expect(source.asked).toEqual([`blob ${demo}@${digest}`])
  })

  it('is asked for once by any number of clients', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const pulls = await Promise.all(Array.from({ length: 100 }, () => pull(rig)))
    expect(pulls.every((one) => one!.bytes.equals(bytes))).toBe(true)
    expect(pulls.filter(({ outcome } = {} as never) => outcome === 'miss')).toHaveLength(1)
    expect(pulls.filter(({ outcome } = {} as never) => outcome === 'join')).toHaveLength(99)
    expect(source.count('blob')).toBe(1)
  })

  it('is pulled in part from the store, and refused outside of it', async () => {
    await using rig = await mirrorOn(prepare())
    await fill(rig)
    const range = { first: 1000, last: 1999 }
    const part = await rig.mirror.blob(demo, digest, { signal: never, range })
    expect(part).toMatchObject({ range, outcome: 'hit', descriptor: { sizeBytes: bytes.length } })
    expect((await drained(part!.body)).bytes.equals(bytes.subarray(1000, 2000))).toBe(true)
    const outside = { signal: never, range: { first: bytes.length } }
    expect(await caught(rig.mirror.blob(demo, digest, outside))).toMatchObject({
      name: 'UnsatisfiableRangeError',
    })
  })

  it('is absent where upstream does not have it', async () => {
    const source = upstreamSource()
    await using rig = await mirrorOn(source)
    expect(await pull(rig)).toBeUndefined()
    expect(rig.fills.list()).toEqual([])
  })

  it('is not asked for again when its fill ends while a client looks into the store', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const [upstream, looked] = [new Gate(), new Gate()]
    source.script({ gate: upstream })
    const first = pull(rig)
    await upstream.reached
    rig.inventorySteps.held = async (look) => {
      const before = await look()
      delete rig.inventorySteps.held
      await looked.pass()
      return before
    }
    const late = pull(rig)
    await looked.reached
    upstream.open()
    await first
    await until('the fill has ended', () => rig.fills.list().length === 0)
    looked.open()
    expect(await late).toMatchObject({ outcome: 'hit', error: undefined })
    expect(source.count('blob')).toBe(1)
  })

  it('is refilled when its file is gone or cut short, and the pull succeeds', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const damages = [
      () => rm(pathOf(rig)),
      () => truncate(pathOf(rig), 1000),
      () => writeFile(pathOf(rig), Buffer.concat([bytes, bytes])),
    ]
    for (const [index, damage] of damages.entries()) {
      await fill(rig)
      await damage()
      const pulled = await pull(rig)
      expect(pulled).toMatchObject({ outcome: 'miss', error: undefined })
      expect(pulled!.bytes.equals(bytes)).toBe(true)
      expect(rig.logged('content lost')).toHaveLength(index + 1)
      await until('the fill has ended', () => rig.fills.list().length === 0)
      expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
    }
  })

  it('is pulled from upstream when the store or the inventory cannot be read', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    await fill(rig)
    rig.storeSteps.open = () => Promise.reject(new StoreError('io', 'cannot read'))
    const pulled = await pull(rig)
    expect(pulled!.bytes.equals(bytes)).toBe(true)
    expect(rig.logged('store failed')).toHaveLength(1)
    expect(source.count('blob')).toBe(2)
  })

  it('is served when it cannot be kept, as bypass where there is no room at all', async () => {
    const source = prepare()
    const clock = new FakeClock()
    await using rig = await mirrorOn(source, { clock })
    const noSpace = new StoreError('no-space', 'disk full')
    rig.storeSteps.put = () => Promise.reject(noSpace)
    expect((await pull(rig))!.bytes.equals(bytes)).toBe(true)
    await until('the fill has ended', () => rig.fills.list().length === 0)
    clock.advance(10_000)
    rig.spools.beforeCreate = () => Promise.reject(noSpace)
    expect((await pull(rig))!.bytes.equals(bytes)).toBe(true)
    delete rig.storeSteps.put
    rig.spools.beforeCreate = () => Promise.resolve()
    clock.advance(10_000)
    await fill(rig)
    expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
    expect(rig.spools.open).toBe(0)
  })
})

describe('a blob that another repository holds', () => {
  it('is anybody’s where upstream is asked without credentials', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    await fill(rig)
    expect(await pull(rig, other)).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toEqual([`blob ${demo}@${digest}`])
  })

  it('is served when upstream has it there too, which is asked once', async () => {
    const source = prepare()
    source.addBlob(other, digest, bytes)
    await using rig = await mirrorOn(source, { isPublic: false })
    await fill(rig)
    expect(await pull(rig, other)).toMatchObject({ outcome: 'hit' })
    expect(await pull(rig, other)).toMatchObject({ outcome: 'hit' })
    expect(source.asked).toEqual([`blob ${demo}@${digest}`, `statBlob ${other}@${digest}`])
    expect(await rig.inventory.isLinked(digest, { registry: 'docker.io', name: other })).toBe(true)
  })

  it('is absent when upstream does not have it there', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source, { isPublic: false })
    await fill(rig)
    expect(await pull(rig, other)).toBeUndefined()
    expect(await rig.mirror.statBlob(other, digest, { signal: never })).toBeUndefined()
    expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
  })

  it('is not served when upstream cannot say', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source, { isPublic: false })
    await fill(rig)
    const error = upstreamError('unreachable')
    source.before = () => Promise.reject(error)
    expect(await caught(pull(rig, other))).toBe(error)
    expect(await pull(rig)).toMatchObject({ outcome: 'hit' })
  })

  it('is joined while it is filled by the same rule', async () => {
    for (const isPublic of [true, false]) {
      for (const isThere of [true, false]) {
        const source = prepare()
        if (isThere) source.addBlob(other, digest, bytes)
        await using rig = await mirrorOn(source, { isPublic })
        const gate = new Gate()
        source.script({ hold: { at: 100_000, gate } })
        const first = pull(rig)
        await gate.reached
        const joins = rig.mirror.blob(other, digest, { signal: never })
        const stat = await rig.mirror.statBlob(other, digest, { signal: never })
        const joined = await joins
        gate.open()
        expect(joined?.outcome).toBe(isPublic || isThere ? 'join' : undefined)
        expect(stat?.descriptor.sizeBytes).toBe(isPublic || isThere ? bytes.length : undefined)
        if (joined) expect((await drained(joined.body)).bytes.equals(bytes)).toBe(true)
        expect((await first)!.bytes.equals(bytes)).toBe(true)
        expect(source.count('blob')).toBe(1)
        expect(source.count('statBlob') > 0).toBe(!isPublic)
      }
    }
  })
})

describe('a blob that upstream refuses to another repository', () => {
  it.each([
    ['absent', { absent: true }],
    ['denied', { error: upstreamError('denied') }],
    ['an error', { error: upstreamError('server') }],
  ] as const)('is had by those who may have it, though they joined: %s', async (_, refusal) => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const gate = new Gate()
    source.script({ gate, ...refusal })
    const refused = pull(rig, other).catch(() => undefined)
    await gate.reached
    const pulls = Promise.all([pull(rig), pull(rig)])
    const head = rig.mirror.statBlob(demo, digest, { signal: never })
    expect(await isPending(pulls)).toBe(true)
    gate.open()
    expect((await head)?.descriptor.sizeBytes).toBe(bytes.length)
    for (const pulled of await pulls) expect(pulled!.bytes.equals(bytes)).toBe(true)
    expect(await refused).toBeUndefined()
    expect(source.count('blob')).toBe(2)
  })
})

describe('HEAD of a blob', () => {
  it('asks upstream with HEAD where the blob is cold, and downloads nothing', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const stat = await rig.mirror.statBlob(demo, digest, { signal: never })
    expect(stat?.descriptor).toMatchObject({ digest, sizeBytes: bytes.length })
    expect(source.asked).toEqual([`statBlob ${demo}@${digest}`])
    expect(rig.fills.list()).toEqual([])
  })

  it('asks nobody where the blob is held, or is being filled', async () => {
    const source = prepare()
    await using rig = await mirrorOn(source)
    const gate = new Gate()
    source.script({ hold: { at: 100_000, gate } })
    const first = pull(rig)
    await gate.reached
    expect(await rig.mirror.statBlob(demo, digest, { signal: never })).toMatchObject({
      descriptor: { sizeBytes: bytes.length },
      outcome: 'join',
    })
    gate.open()
    await first
    await until('the fill has ended', () => rig.fills.list().length === 0)
    expect(await rig.mirror.statBlob(demo, digest, { signal: never })).toMatchObject({
      descriptor: { sizeBytes: bytes.length },
      outcome: 'hit',
    })
    expect(source.asked).toEqual([`blob ${demo}@${digest}`])
  })
})
