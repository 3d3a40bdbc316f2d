import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { FillStatus } from '../../src/cache/fill.ts'
import { GuardedSpools } from '../../src/cache/guarded-spools.ts'
import type { SpaceLimits } from '../../src/cache/shortage.ts'
import { Space } from '../../src/cache/space.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { DiskReserve } from '../../src/store/disk-reserve.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { spoolContract } from '../contract/spool-contract.ts'
import { caught } from '../support/caught.ts'
import { alpine, contentOf } from '../support/contents.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { fileStore } from '../support/file-store.ts'
import { until } from '../support/turns.ts'
import { WatchedSpools } from '../support/watched-spools.ts'

const RESERVE_BYTES = 20
const LIMITS = {
  maxBytes: 1000,
  highWatermark: 0.9,
  lowWatermark: 0.8,
  minFreeBytes: 100,
  isOnDisk: true,
}
const noSpace = new StoreError('no-space', 'disk full')
const { digest } = contentOf('held')

/** A space in which `heldBytes` are held. */
async function prepare(heldBytes: number, limits: Partial<SpaceLimits> = {}) {
  const folder = await temporaryFolder()
  const reserve = join(folder.path, 'reserve')
  const inventory = await openSqliteInventory(':memory:')
  if (heldBytes > 0) {
    await inventory.record({ ...contentOf('held'), sizeBytes: heldBytes }, [], alpine)
  }
  const messages: string[] = []
  const write = (line: string) => void messages.push((JSON.parse(line) as { msg: string }).msg)
  const metrics = new Metrics()
  const events = new Events(pino({}, { write }), metrics)
  const disk = { freeBytes: 10_000, totalBytes: 100_000 }
  const fills: Pick<FillStatus, 'bytes' | 'totalBytes'>[] = []
  const clock = new FakeClock()
  let isMeasurable = true
  const space = new Space({
    limits: { ...LIMITS, ...limits },
    inventory,
    disk: () => (isMeasurable ? Promise.resolve(disk) : Promise.reject(new StoreError('io', 'no'))),
    reserve: new DiskReserve(reserve, RESERVE_BYTES),
    fills: () => fills,
    clock,
    events,
  })
  let urges = 0
  space.urge = async () => void urges++
  return {
    space,
    disk,
    reserve,
    clock,
    messages,
    metrics,
    urges: () => urges,
    breakDisk: () => (isMeasurable = false),
    fill: (bytes: number, totalBytes: number | undefined) => void fills.push({ bytes, totalBytes }),
    forget: () => inventory.forget(digest),
    async [Symbol.asyncDispose]() {
      await inventory[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Is refused at first, and then does it. */
function refusedOnce({ space }: Awaited<ReturnType<typeof prepare>>) {
  let calls = 0
  const work = () => space.watch(calls++ === 0 ? Promise.reject(noSpace) : Promise.resolve())
  return { work, calls: () => calls }
}

describe('what has to go', () => {
  it('is nothing up to the high watermark, and then all above the low one', async () => {
    await using low = await prepare(900)
    expect(await low.space.shortage()).toBeUndefined()
    await using high = await prepare(901)
    expect(await high.space.shortage()).toEqual({ reason: 'space', bytes: 101 })
  })

  it('counts what fills are going to add', async () => {
    await using test = await prepare(500)
    test.fill(10, 300)
    expect(await test.space.shortage()).toBeUndefined()
    test.fill(200, undefined)
    expect(await test.space.shortage()).toEqual({ reason: 'space', bytes: 200 })
  })

  it('is what the disk wants free, with a little more, before fills take it', async () => {
    await using test = await prepare(100, { minFreeBytes: 800 })
    test.disk.freeBytes = 800
    expect(await test.space.shortage()).toBeUndefined()
    test.fill(10, 60)
    expect(await test.space.shortage()).toEqual({ reason: 'free', bytes: 150 })
  })

  it('asks for no more than half of a small disk', async () => {
    await using test = await prepare(100, { minFreeBytes: 5_000 })
    Object.assign(test.disk, { totalBytes: 1_600, freeBytes: 800 })
    expect(await test.space.shortage()).toBeUndefined()
    test.disk.freeBytes = 799
    expect(await test.space.shortage()).toEqual({ reason: 'free', bytes: 101 })
  })

  it('is a part of what is held when the disk refuses a write that it should have room for', async () => {
    await using test = await prepare(720)
    await caught(test.space.watch(Promise.reject(noSpace)))
    expect(test.urges()).toBe(1)
    expect(await test.space.shortage()).toEqual({ reason: 'free', bytes: 80 })
    await test.space.passed(80, undefined)
    expect(await test.space.shortage()).toBeUndefined()
  })
})

describe('a space that is full', () => {
  it('takes nothing new until there is room again, which it finds out by itself', async () => {
    await using test = await prepare(100)
    const { space, disk } = test
    await space.admit(50)
    disk.freeBytes = 49
    expect(await caught(space.admit(50))).toMatchObject({ kind: 'no-space' })
    expect(await caught(space.enter())).toMatchObject({ kind: 'no-space' })
    disk.freeBytes = 50
    await space.enter()
    await space.admit(50)
    expect(test.messages).toEqual(['space is full, nothing new is kept', 'space is back'])
    expect(test.metrics.refusals.total()).toBe(2)
  })

  it('urges eviction', async () => {
    await using test = await prepare(100)
    await test.space.admit(50)
    expect(test.urges()).toBe(0)
    test.disk.freeBytes = 99
    await test.space.admit(50)
    expect(test.urges()).toBe(1)
  })

  it('is one whose disk refuses a write: for a while, or until something has gone', async () => {
    await using test = await prepare(100)
    const { space, clock } = test
    await caught(space.watch(Promise.reject(noSpace)))
    expect(space.isFull).toBe(true)
    clock.advance(9_999)
    expect(await caught(space.enter())).toMatchObject({ kind: 'no-space' })
    clock.advance(1)
    await space.enter()
    await caught(space.watch(Promise.reject(noSpace)))
    await space.passed(1, undefined)
    await space.enter()
    await caught(space.watch(Promise.reject(noSpace)))
    clock.putBack(1)
    await space.enter()
  })

  it('is not one that fails for another reason', async () => {
    await using test = await prepare(100)
    await caught(test.space.watch(Promise.reject(new StoreError('io', 'broken'))))
    expect(test.space.isFull).toBe(false)
  })

  it('is one that is over its size when nothing more may go', async () => {
    await using test = await prepare(1_001)
    const { space } = test
    await space.admit(1)
    await space.passed(0, await space.shortage())
    expect(space.isStuck).toBe(true)
    expect(await caught(space.admit(1))).toMatchObject({ kind: 'no-space' })
    await test.forget()
    await space.passed(1_001, undefined)
    await space.admit(1)
    expect(test.messages).toEqual([
      'nothing more may be evicted',
      'space is full, nothing new is kept',
      'eviction goes on',
      'space is back',
    ])
  })

  it('is one that cannot be measured no more than it was', async () => {
    await using test = await prepare(100)
    test.breakDisk()
    await test.space.admit(50)
    expect(test.messages).toEqual(['store failed'])
  })
})

describe('work that finds no space', () => {
  it('is tried again when the pass that it urges has made some', async () => {
    await using test = await prepare(100)
    const { work, calls } = refusedOnce(test)
    test.space.urge = () => test.space.passed(50, undefined)
    await test.space.relieved(work)
    expect(calls()).toBe(2)
  })

  it('fails when the pass has made none, or does not end soon', async () => {
    await using test = await prepare(100)
    const { space, clock } = test
    const { work, calls } = refusedOnce(test)
    expect(await caught(space.relieved(work))).toBe(noSpace)
    await space.passed(1, undefined)
    const late = refusedOnce(test)
    space.urge = () => new Promise(() => undefined)
    const failing = caught(space.relieved(late.work))
    await until('it waits', () => clock.sleeping === 1)
    clock.advance(2_000)
    expect(await failing).toBe(noSpace)
    expect([calls(), late.calls()]).toEqual([1, 1])
  })

  it('waits for nothing where no more may go, nor where space is not what it lacks', async () => {
    await using test = await prepare(1_001)
    const { space } = test
    space.urge = () => new Promise(() => undefined)
    expect(await caught(space.admit(901))).toMatchObject({ kind: 'no-space' })
    await space.passed(0, await space.shortage())
    expect(await caught(space.relieved(refusedOnce(test).work))).toBe(noSpace)
  })
})

describe('content that can never fit', () => {
  it('is not let in, so that all else need not go for it', async () => {
    await using test = await prepare(100)
    const { space, disk } = test
    await space.admit(900)
    expect(await caught(space.admit(901))).toMatchObject({ kind: 'no-space' })
    disk.freeBytes = 200
    await space.admit(250)
    expect(await caught(space.admit(251))).toMatchObject({ kind: 'no-space' })
    expect(space.isFull).toBe(false)
  })
})

describe('content that is not on the disk', () => {
  const elsewhere = { minFreeBytes: 0, isOnDisk: false }

  it('stays when the disk is short or full, where no fill finds a place then', async () => {
    await using test = await prepare(500, elsewhere)
    const { space, disk, fill } = test
    disk.freeBytes = 50
    fill(0, 200)
    expect(await space.shortage()).toBeUndefined()
    expect(await caught(space.admit(60))).toMatchObject({ kind: 'no-space' })
    await caught(space.watch(Promise.reject(noSpace)))
    expect(space.isFull).toBe(true)
    expect(await space.shortage()).toBeUndefined()
    expect(() => space.refuseWrites()).toThrow(StoreError)
  })

  it('goes when its store takes no more, while the disk still takes what is filled', async () => {
    await using test = await prepare(500, elsewhere)
    const { space, clock } = test
    await caught(space.watchPut(Promise.reject(noSpace)))
    expect(space.isFull).toBe(true)
    expect(await space.shortage()).toMatchObject({ reason: 'free' })
    expect(() => space.refuseWrites()).not.toThrow()
    clock.advance(10_000)
    expect(await space.shortage()).toBeUndefined()
  })
})

describe('the reserve', () => {
  it('is given up when the disk is full, and taken when there is space', async () => {
    await using test = await prepare(100)
    const { space, disk, reserve } = test
    await space.admit(1)
    expect(existsSync(reserve)).toBe(true)
    disk.freeBytes = 49
    await caught(space.admit(1))
    expect(existsSync(reserve)).toBe(true)
    disk.freeBytes = 19
    await caught(space.admit(1))
    expect(existsSync(reserve)).toBe(false)
    disk.freeBytes = 60
    await space.passed(41, undefined)
    expect(existsSync(reserve)).toBe(true)
    await caught(space.watch(Promise.reject(noSpace)))
    expect(existsSync(reserve)).toBe(false)
  })

  it('is not for what is being filled', async () => {
    await using test = await prepare(100)
    const { space, clock } = test
    await caught(space.watch(Promise.reject(noSpace)))
    expect(() => space.refuseWrites()).toThrow(StoreError)
    clock.advance(10_000)
    expect(() => space.refuseWrites()).not.toThrow()
  })
})

describe('guarded spools', () => {
  it('are refused while the space is full, and tell it what the disk refuses', async () => {
    await using test = await prepare(0)
    await using files = await fileStore()
    const watched = new WatchedSpools(files.spools)
    const spools = new GuardedSpools(watched, test.space)
    await using spool = await spools.create(digest)
    watched.beforeAppend = () => Promise.reject(noSpace)
    await caught(spool.append(Buffer.from('more')))
    watched.beforeAppend = () => Promise.resolve()
    expect(await caught(spool.append(Buffer.from('more')))).toMatchObject({ kind: 'no-space' })
    expect(spool.sizeBytes).toBe(0)
    expect(test.space.isFull).toBe(true)
    expect(await caught(spools.create(digest))).toMatchObject({ kind: 'no-space' })
    expect(watched.open).toBe(1)
  })
})

spoolContract('GuardedSpools', async () => {
  const test = await prepare(0)
  const files = await fileStore()
  return {
    spools: new GuardedSpools(files.spools, test.space),
    elsewhere: files.folder,
    async [Symbol.asyncDispose]() {
      await files[Symbol.asyncDispose]()
      await test[Symbol.asyncDispose]()
    },
  }
})
