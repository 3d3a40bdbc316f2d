import { describe, expect, it } from 'vitest'
import type { EvictRequest, Removable } from '../../src/cache/operations.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { Gate } from '../support/gate.ts'
import { buildIndex } from '../support/images.ts'
import { isPending, until } from '../support/turns.ts'
import {
  a,
  b,
  c,
  d,
  HOUR_MS,
  listener,
  MINUTE_MS,
  PASS,
  prepare,
  pull,
  sizes,
  totalBytes,
  whole,
} from './eviction-rig.ts'
import { drained } from './fill-rig.ts'
import { byDigest, demo, never, tagged } from './mirror-rig.ts'

const other = parseRepository('library/other')!

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
    const repository = { registry: 'docker.io', name: demo }
    expect(items).toMatchObject([
      { digest: a.root.digest, names: [{ repository, tags: ['a'] }], bytes: sizes[0] },
      { digest: b.root.digest, names: [{ repository, tags: ['b'] }], bytes: sizes[1] },
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

  it('deletes the bytes of an image together, and reports what is still there', async () => {
    await using rig = await prepare({ ttlMs: HOUR_MS })
    await pull(rig, 'a', a)
    rig.clock.advance(1)
    let deletions = 0
    rig.storeSteps.delete = async (run) => {
      deletions++
      await run()
      return [{ digest: a.root.digest, error: new StoreError('io', 'stuck') }]
    }
    await rig.eviction.run(PASS, listener())
    expect(deletions).toBe(1)
    expect(await Array.fromAsync(rig.store.list())).toEqual([])
    expect(rig.logged('store failed')).toHaveLength(1)
    expect(await whole(rig)).toBe('')
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
