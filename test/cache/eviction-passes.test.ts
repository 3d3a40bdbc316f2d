import { describe, expect, it } from 'vitest'
import type { Removable } from '../../src/cache/operations.ts'
import { InventoryError } from '../../src/inventory/inventory-error.ts'
import { caught } from '../support/caught.ts'
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
  PASS,
  prepare,
  pull,
  sizes,
  totalBytes,
  whole,
} from './eviction-rig.ts'
import { demo } from './mirror-rig.ts'

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

  it('ends behind as many images as are wanted, those that the ttl takes among them', async () => {
    await using rig = await prepare({ ttlMs: 4 * HOUR_MS })
    for (const [tag, image] of Object.entries({ a, b, c, d })) await pull(rig, tag, image)
    rig.clock.advance(1)
    for (const [maxImages, count] of [
      [1, 1],
      [3, 3],
      [5, 4],
    ] as const) {
      const items: Removable[] = []
      const request = { isDryRun: true, toBytes: 0, maxImages }
      expect(await rig.eviction.run(request, listener(items))).toMatchObject({ images: count })
      const digests = [a, b, c, d].map(({ root }) => root.digest)
      expect(items.map(({ digest }) => digest)).toEqual(digests.slice(0, count))
    }
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
