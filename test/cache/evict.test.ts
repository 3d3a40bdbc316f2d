import { describe, expect, it } from 'vitest'
import type { EvictRequest, Removable, WorkListener } from '../../src/cache/operations.ts'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Gate } from '../support/gate.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { isPending, until } from '../support/turns.ts'
import { byDigest, demo, mirrorOn, never, pullBlobs, tagged, upstreamSource } from './mirror-rig.ts'
import type { MirrorRig, MirrorRigOptions } from './mirror-rig.ts'
import { drained } from './fill-rig.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const PASS: EvictRequest = { isDryRun: false, toBytes: undefined }
const other = parseRepository('library/other')!

const images = await Promise.all(
  ['a', 'b', 'c', 'd'].map((seed) => buildImage({ seed, layers: 1, layerBytes: 20_000 })),
)
const [a, b, c, d] = images as [TestImage, TestImage, TestImage, TestImage]
const sizes = images.map(sizeOf)
const totalBytes = sizes.reduce((sum, size) => sum + size)

function sizeOf(image: TestImage): number {
  const manifests = [...image.manifests.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  return [...image.blobs.values()].reduce((sum, bytes) => sum + bytes.length, manifests)
}

/** A mirror of a, b, c and d, all of which it can pull, on a clock of its own. */
async function prepare(options: MirrorRigOptions = {}) {
  const source = upstreamSource()
  const clock = new FakeClock()
  for (const [tag, image] of Object.entries({ a, b, c, d })) source.add(demo, tag, image)
  const rig = await mirrorOn(source, { clock, ...options })
  return { ...rig, source, clock }
}

type Rig = Awaited<ReturnType<typeof prepare>>

/** Pulls an image whole; an hour passes. */
async function pull(rig: Rig, tag: string, image: TestImage): Promise<void> {
  await rig.mirror.manifest(tagged(tag), { signal: never })
  for (const digest of image.manifests.keys()) {
    await rig.mirror.manifest(byDigest(digest), { signal: never })
  }
  await pullBlobs(rig, image)
  await until('all is kept', async () => (await heldOf(rig, image)).every(Boolean))
  // What was held already is kept once more, which counts as a use when it is done.
  await until('nothing is on its way', () => rig.spools.open === 0)
  await rig.uses.flush()
  rig.clock.advance(HOUR_MS)
}

function heldOf({ inventory }: MirrorRig, image: TestImage): Promise<boolean[]> {
  return Promise.all(
    [...image.manifests.keys(), ...image.blobs.keys()].map(
      async (digest) => (await inventory.held(digest)) !== undefined,
    ),
  )
}

/** Which of the images are held whole; throws where one is held in part. */
async function whole(rig: MirrorRig): Promise<string> {
  let names = ''
  for (const [name, image] of Object.entries({ a, b, c, d })) {
    const held = await heldOf(rig, image)
    if (held.every(Boolean)) names += name
    else if (held.some(Boolean)) throw new Error(`${name} is held in part`)
  }
  return names
}

function listener(items: Removable[] = []): WorkListener<Removable> {
  return {
    progress: () => undefined,
    item: (item) => Promise.resolve(void items.push(item)),
    signal: never,
  }
}

describe('eviction', () => {
  it('does nothing while the limits are kept', async () => {
    await using rig = await prepare({ limits: { maxBytes: totalBytes * 2 } })
    await pull(rig, 'a', a)
    const removal = await rig.eviction.run(PASS, listener())
    expect(removal).toEqual({ images: 0, contents: 0, bytes: 0 })
    expect(await whole(rig)).toBe('a')
  })

  it('takes the coldest images whole, down to the low watermark', async () => {
    await using rig = await prepare({ limits: { maxBytes: totalBytes, lowWatermark: 0.6 } })
    for (const [tag, image] of Object.entries({ a, b, c, d })) await pull(rig, tag, image)
    const items: Removable[] = []
    const removal = await rig.eviction.run(PASS, listener(items))
    expect(await whole(rig)).toBe('cd')
    expect(removal).toEqual({ images: 2, contents: 6, bytes: sizes[0]! + sizes[1]! })
    expect(items.map(({ digest, names }) => [digest, names])).toEqual([
      [a.root.digest, [{ repository: { registry: 'docker.io', name: demo }, tags: ['a'] }]],
      [b.root.digest, [{ repository: { registry: 'docker.io', name: demo }, tags: ['b'] }]],
    ])
    expect(await rig.inventory.totals()).toMatchObject({ bytes: sizes[2]! + sizes[3]!, entries: 6 })
  })

  it('leaves neither bytes nor memories of what went', async () => {
    await using rig = await prepare({ ttlMs: HOUR_MS })
    await pull(rig, 'a', a)
    rig.clock.advance(1)
    await rig.eviction.run(PASS, listener())
    expect(await rig.eviction.run(PASS, listener())).toMatchObject({ images: 0 })
    rig.source.asked.length = 0
    await pull(rig, 'a', a)
    expect(rig.source.count('manifest')).toBe(1)
    expect(rig.source.count('blob')).toBe(a.blobs.size)
    expect(await whole(rig)).toBe('a')
  })

  it('takes what was not used for the ttl, whatever the space', async () => {
    await using rig = await prepare({ ttlMs: 3 * HOUR_MS })
    for (const [tag, image] of Object.entries({ a, b, c, d })) await pull(rig, tag, image)
    await rig.mirror.manifest(tagged('a'), { signal: never })
    await rig.eviction.run(PASS, listener())
    expect(await whole(rig)).toBe('abcd')
    rig.clock.advance(1)
    await rig.eviction.run(PASS, listener())
    expect(await whole(rig)).toBe('acd')
  })

  it('keeps an image warm by a pull of any of its parts', async () => {
    await using rig = await prepare({ ttlMs: 3 * HOUR_MS })
    await pull(rig, 'a', a)
    rig.clock.advance(2 * HOUR_MS)
    const [blob] = a.blobs.keys()
    await drained((await rig.mirror.blob(demo, blob!, { signal: never }))!.body)
    rig.clock.advance(2 * HOUR_MS)
    await rig.eviction.run(PASS, listener())
    expect(await whole(rig)).toBe('a')
  })

  it('frees what the disk is short of', async () => {
    await using rig = await prepare({ limits: { minFreeBytes: 50_000 } })
    for (const [tag, image] of Object.entries({ a, b })) await pull(rig, tag, image)
    rig.disk.freeBytes = 49_999
    await rig.eviction.run(PASS, listener())
    expect(await whole(rig)).toBe('b')
  })

  it('evicts down to any size when it is told to', async () => {
    await using rig = await prepare()
    for (const [tag, image] of Object.entries({ a, b, c, d })) await pull(rig, tag, image)
    await rig.eviction.run({ isDryRun: false, toBytes: sizes[3]! }, listener())
    expect(await whole(rig)).toBe('d')
    await rig.eviction.run({ isDryRun: false, toBytes: 0 }, listener())
    expect(await rig.inventory.totals()).toEqual({ bytes: 0, entries: 0, onceBytes: 0 })
  })

  it('says what it has done', async () => {
    await using rig = await prepare()
    expect(rig.eviction.lastPass).toBeUndefined()
    await pull(rig, 'a', a)
    await rig.eviction.run({ isDryRun: false, toBytes: 0 }, listener())
    const startedAtMs = rig.clock.now()
    expect(rig.eviction.lastPass).toEqual({
      images: 1,
      contents: 3,
      bytes: sizes[0],
      startedAtMs,
      durationMs: 0,
    })
    expect(rig.logged('evicted')).toHaveLength(1)
    expect(rig.logged('eviction passed')).toHaveLength(1)
  })
})

describe('eviction of images that share content', () => {
  const index = buildIndex({ amd64: a, arm64: b })

  it('leaves what another image needs', async () => {
    await using rig = await prepare()
    rig.source.add(demo, 'index', index)
    await pull(rig, 'index', index)
    await pull(rig, 'a', a)
    rig.clock.advance(HOUR_MS)
    await rig.mirror.manifest(byDigest(a.root.digest, other), { signal: never })
    await rig.uses.flush()
    rig.clock.advance(HOUR_MS)
    await rig.eviction.run({ isDryRun: false, toBytes: sizes[0]! }, listener())
    expect(await whole(rig)).toBe('a')
    expect(await rig.inventory.held(index.root.digest)).toBeUndefined()
  })

  it('takes nothing of an index that stays', async () => {
    await using rig = await prepare({ pins: ['docker.io/library/demo:index'] })
    rig.source.add(demo, 'index', index)
    await pull(rig, 'index', index)
    await pull(rig, 'c', c)
    await rig.eviction.run({ isDryRun: false, toBytes: 0 }, listener())
    expect(await whole(rig)).toBe('ab')
  })
})

describe('what is not evicted', () => {
  const ALL: EvictRequest = { isDryRun: false, toBytes: 0 }

  it('is pinned', async () => {
    await using rig = await prepare({ pins: ['**:a'] })
    for (const [tag, image] of Object.entries({ a, b })) await pull(rig, tag, image)
    await rig.pins.add(`docker.io/**@${b.root.digest}`)
    await rig.eviction.run(ALL, listener())
    expect(await whole(rig)).toBe('ab')
    await rig.pins.remove(`docker.io/**@${b.root.digest}`)
    await rig.eviction.run(ALL, listener())
    expect(await whole(rig)).toBe('a')
  })

  it('was used in the last two minutes, written down or not', async () => {
    await using rig = await prepare()
    await pull(rig, 'a', a)
    await rig.mirror.manifest(tagged('a'), { signal: never })
    rig.clock.advance(2 * MINUTE_MS - 1)
    await rig.eviction.run(ALL, listener())
    expect(await whole(rig)).toBe('a')
    rig.clock.advance(1)
    await rig.eviction.run(ALL, listener())
    expect(await whole(rig)).toBe('')
  })

  it('is used while it is looked at', async () => {
    await using rig = await prepare()
    await pull(rig, 'a', a)
    const roots = rig.inventorySteps.roots ?? ((run) => run())
    rig.inventorySteps.roots = async (run) => {
      await rig.mirror.manifest(byDigest(a.root.digest), { signal: never })
      return roots(run)
    }
    await rig.eviction.run(ALL, listener())
    expect(await whole(rig)).toBe('a')
  })

  it('is read, though all else of its image may go', async () => {
    await using rig = await prepare()
    await pull(rig, 'a', a)
    const [blob, ...others] = a.blobs.keys()
    const reader = await rig.holdings.open((await rig.inventory.held(blob!))!)
    await rig.eviction.run(ALL, listener())
    expect(await rig.inventory.held(blob!)).toBeDefined()
    for (const digest of others) expect(await rig.inventory.held(digest)).toBeUndefined()
    await reader![Symbol.asyncDispose]()
    await rig.eviction.run(ALL, listener())
    expect(await rig.inventory.totals()).toMatchObject({ entries: 0 })
  })

  it('is an image of which a part is being filled, however long it takes', async () => {
    await using rig = await prepare()
    const gate = new Gate()
    rig.source.script({ hold: { at: 1000, gate } })
    await rig.mirror.manifest(tagged('a'), { signal: never })
    const [layer] = a.blobs.keys()
    const blob = await rig.mirror.blob(demo, layer!, { signal: never })
    await until('it is kept', () => rig.inventory.held(a.root.digest))
    rig.clock.advance(HOUR_MS)
    await rig.eviction.run(ALL, listener())
    expect(await rig.inventory.held(a.root.digest)).toBeDefined()
    gate.open()
    await drained(blob!.body)
  })

  it('is put at the moment, and comes back whole when it is put after it went', async () => {
    await using rig = await prepare()
    await pull(rig, 'a', a)
    const gate = new Gate()
    rig.storeSteps.delete = async (run) => {
      await gate.pass()
      return run()
    }
    const pass = rig.eviction.run(ALL, listener())
    await gate.reached
    const again = pull(rig, 'a', a)
    expect(await isPending(again)).toBe(true)
    gate.open()
    await Promise.all([pass, again])
    expect(await whole(rig)).toBe('a')
    for (const digest of a.blobs.keys()) {
      await using reader = await rig.holdings.open((await rig.inventory.held(digest))!)
      expect(reader).toBeDefined()
    }
    expect(rig.logged('content lost')).toEqual([])
  })
})

describe('a pass that may not take enough', () => {
  it('says so once, and lets nothing in that would only make it worse', async () => {
    await using rig = await prepare({ pins: ['**'], limits: { maxBytes: sizes[0]! * 1.5 } })
    for (const [tag, image] of Object.entries({ a, b })) await pull(rig, tag, image)
    for (let pass = 0; pass < 2; pass++) await rig.eviction.run(PASS, listener())
    expect(rig.logged('nothing more may be evicted')).toHaveLength(1)
    expect(rig.space.isStuck).toBe(true)
    const [blob] = c.blobs.keys()
    const bypass = await rig.mirror.blob(demo, blob!, { signal: never })
    expect((await drained(bypass!.body)).error).toBeUndefined()
    expect(await rig.inventory.held(blob!)).toBeUndefined()
  })
})

describe('a dry run', () => {
  it('tells what a pass would take, what images share counted when the last of them goes', async () => {
    await using rig = await prepare()
    const index = buildIndex({ amd64: a, arm64: b })
    const wider = buildIndex({ amd64: a, s390x: c })
    rig.source.add(demo, 'index', index)
    rig.source.add(demo, 'wider', wider)
    await pull(rig, 'index', index)
    await pull(rig, 'wider', wider)
    await pull(rig, 'd', d)
    for (const toBytes of [totalBytes, sizes[3]! + 1, sizes[3]!, 0]) {
      const items: Removable[] = []
      const before = await rig.inventory.totals()
      const request = { isDryRun: true, toBytes }
      const removal = await rig.eviction.run(request, listener(items))
      expect(await rig.inventory.totals()).toEqual(before)
      const taken: Removable[] = []
      expect(await rig.eviction.run({ ...request, isDryRun: false }, listener(taken))).toEqual(
        removal,
      )
      expect(items).toEqual(taken)
    }
    expect(await rig.inventory.totals()).toMatchObject({ entries: 0 })
  })

  it('of what the limits want counts what the ttl takes first', async () => {
    const limits = { maxBytes: totalBytes, lowWatermark: 0.6 }
    await using rig = await prepare({ limits, ttlMs: 4 * HOUR_MS })
    for (const [tag, image] of Object.entries({ a, b, c, d })) await pull(rig, tag, image)
    rig.clock.advance(1)
    const items: Removable[] = []
    await rig.eviction.run({ isDryRun: true, toBytes: undefined }, listener(items))
    const taken: Removable[] = []
    await rig.eviction.run(PASS, listener(taken))
    expect(items).toEqual(taken)
    expect(await whole(rig)).toBe('bcd')
  })

  it('ends when nobody waits for it', async () => {
    await using rig = await prepare()
    await pull(rig, 'a', a)
    const signal = AbortSignal.abort(new Error('left'))
    const request = { isDryRun: true, toBytes: 0 }
    await expect(rig.eviction.run(request, { ...listener(), signal })).rejects.toThrow('left')
  })
})

describe('passes', () => {
  it('come one after the other', async () => {
    await using rig = await prepare()
    await pull(rig, 'a', a)
    const gate = new Gate()
    rig.inventorySteps.evict = async (run) => {
      await gate.pass()
      return run()
    }
    const first = rig.eviction.run({ isDryRun: false, toBytes: 0 }, listener())
    await gate.reached
    const second = rig.eviction.run({ isDryRun: false, toBytes: 0 }, listener())
    expect(await isPending(second)).toBe(true)
    gate.open()
    expect([await first, await second].map(({ images: count }) => count)).toEqual([1, 0])
  })

  it('go on when their listener has left', async () => {
    await using rig = await prepare()
    for (const [tag, image] of Object.entries({ a, b, c })) await pull(rig, tag, image)
    const leaving = new AbortController()
    const item = async () => {
      leaving.abort(new Error('left'))
      leaving.signal.throwIfAborted()
    }
    const request = { isDryRun: false, toBytes: 0 }
    const told = { ...listener(), item, signal: leaving.signal }
    await expect(rig.eviction.run(request, told)).rejects.toThrow('left')
    await until('the rest has gone', async () => (await rig.inventory.totals()).entries === 0)
  })

  it('stop between two images when the mirror does, and leave the rest whole', async () => {
    const rig = await prepare()
    for (const [tag, image] of Object.entries({ a, b, c, d })) await pull(rig, tag, image)
    let stopped: PromiseLike<void> | undefined
    const item = async () => void (stopped ??= rig.eviction[Symbol.asyncDispose]())
    const pass = rig.eviction.run({ isDryRun: false, toBytes: 0 }, { ...listener(), item })
    expect(await caught(pass)).toMatchObject({ message: 'the mirror is stopping' })
    await stopped
    expect(await whole(rig)).toBe('bcd')
    await rig[Symbol.asyncDispose]()
  })

  it('fail with the inventory, and leave what it did not drop', async () => {
    await using rig = await prepare()
    for (const [tag, image] of Object.entries({ a, b })) await pull(rig, tag, image)
    rig.inventorySteps.evict = () => Promise.reject(new InventoryError('broken'))
    const request = { isDryRun: false, toBytes: 0 }
    expect(await caught(rig.eviction.run(request, listener()))).toBeInstanceOf(InventoryError)
    expect(rig.eviction.isRunning).toBe(false)
    delete rig.inventorySteps.evict
    expect(await whole(rig)).toBe('ab')
    await rig.eviction.run(request, listener())
    expect(await whole(rig)).toBe('')
  })
})
