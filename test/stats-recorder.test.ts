import { describe, expect, it } from 'vitest'
import type { UpstreamStats } from '../src/admin-stats.ts'
import { InventoryError } from '../src/inventory/inventory-error.ts'
import type { Inventory } from '../src/inventory/inventory.ts'
import type { Resolution } from '../src/inventory/span.ts'
import { StatsRecorder } from '../src/stats-recorder.ts'
import type { FailedOperation, Totals } from '../src/telemetry/events.ts'
import { FakeClock } from './support/fake-clock.ts'
import { InventoryModel } from './support/inventory-model.ts'
import { until } from './support/turns.ts'

const NOON_MS = Date.UTC(2026, 0, 1, 12)
const NOBODY = { limit: null, remaining: null, resetAt: null, limitedUntil: null }

/** An upstream that tells limits to two of our users, and one that tells none. */
const UPSTREAMS = [
  upstream('docker.io', [
    { ...NOBODY, credential: 'anonymous' },
    { ...NOBODY, credential: 'a', limit: 200, remaining: 150 },
    { ...NOBODY, credential: 'b', limit: 100, remaining: 7 },
  ]),
  upstream('ghcr.io', [{ ...NOBODY, credential: 'anonymous' }]),
]

function upstream(name: string, budget: UpstreamStats['budget']): { stats: () => UpstreamStats } {
  const state = 'closed' as const
  return { stats: () => ({ name, savedPulls: 0, isLow: false, state, budget, endpoints: [] }) }
}

/** A mirror that serves what it is told to, with a recorder on a clock that stands still. */
function startRig(inventory: Pick<Inventory, 'addSample' | 'totals' | 'spans'>, startMs = NOON_MS) {
  const clock = new FakeClock(startMs)
  const failed: FailedOperation[] = []
  const served = { hits: 0, bytes: 0 }
  const totals = (): Totals => ({
    pulls: { hit: served.hits, miss: 0, join: 0, stale: 0, bypass: 0 },
    bytes: { served: served.bytes, fetched: 0 },
    lostContents: 0,
  })
  const events = { totals, inventoryFailed: (event: FailedOperation) => void failed.push(event) }
  const recorder = new StatsRecorder({ inventory, upstreams: UPSTREAMS, clock, events })
  return {
    clock,
    failed,
    recorder,
    serve(hits: number) {
      served.hits += hits
      served.bytes += hits * 10
    },
    async advance(ms: number) {
      await until('the recorder sleeps', () => clock.sleeping === 1)
      clock.advance(ms)
      await until('the recorder sleeps again', () => clock.sleeping === 1)
    },
    async hits(resolution: Resolution = 'minute') {
      const spans = await inventory.spans({ resolution, fromMs: 0, toMs: NOON_MS * 2 })
      return spans.map(({ startMs, pulls }) => [(startMs - NOON_MS) / 60_000, pulls.hit])
    },
  }
}

describe('the recorder of statistics', () => {
  it('writes down at each full minute what was counted in the minute before', async () => {
    const rig = startRig(new InventoryModel(), NOON_MS + 45_000)
    rig.serve(3)
    await rig.advance(14_999)
    expect(await rig.hits()).toEqual([])
    await rig.advance(1)
    expect(await rig.hits()).toEqual([[0, 3]])
    rig.serve(4)
    await rig.advance(60_000)
    await rig.advance(60_000)
    expect(await rig.hits()).toEqual([
      [0, 3],
      [1, 4],
      [2, 0],
    ])
    expect(await rig.hits('hour')).toEqual([[0, 7]])
    await rig.recorder[Symbol.asyncDispose]()
  })

  it('counts a minute as that minute though it wakes up late', async () => {
    const rig = startRig(new InventoryModel())
    rig.serve(3)
    await rig.advance(60_020)
    expect(await rig.hits()).toEqual([[0, 3]])
    rig.serve(4)
    await rig.advance(59_980)
    expect(await rig.hits()).toEqual([
      [0, 3],
      [1, 4],
    ])
    await rig.recorder[Symbol.asyncDispose]()
  })

  it('with what is held, and what each upstream that tells a limit still allows', async () => {
    const inventory = new InventoryModel()
    const rig = startRig(inventory)
    await rig.advance(60_000)
    const [span] = await inventory.spans({ resolution: 'hour', fromMs: 0, toMs: NOON_MS * 2 })
    expect(span).toMatchObject({
      storeBytes: 0,
      budgets: [{ upstream: 'docker.io', limit: 300, remaining: 157 }],
    })
    await rig.recorder[Symbol.asyncDispose]()
  })

  it('writes down the rest when it ends, and the next process adds to it', async () => {
    const inventory = new InventoryModel()
    const first = startRig(inventory)
    first.serve(5)
    first.clock.advance(20_000)
    await first.recorder[Symbol.asyncDispose]()
    expect(await first.hits()).toEqual([[0, 5]])
    // Its counters begin at 0 again.
    const second = startRig(inventory, NOON_MS + 30_000)
    second.serve(2)
    await second.advance(30_000)
    expect(await second.hits()).toEqual([[0, 7]])
    await second.recorder[Symbol.asyncDispose]()
  })

  it('loses nothing while the inventory fails, and says so', async () => {
    const inventory = new InventoryModel()
    let isBroken = true
    const rig = startRig({
      totals: () => inventory.totals(),
      spans: (query) => inventory.spans(query),
      addSample: async (sample) => {
        if (isBroken) throw new InventoryError('disk I/O error')
        await inventory.addSample(sample)
      },
    })
    rig.serve(3)
    await rig.advance(60_000)
    expect(rig.failed).toMatchObject([{ operation: 'record statistics' }])
    isBroken = false
    rig.serve(1)
    await rig.advance(60_000)
    expect(await rig.hits()).toEqual([[1, 4]])
    await rig.recorder[Symbol.asyncDispose]()
  })
})
