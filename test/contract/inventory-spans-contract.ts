import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { type Sample, SPAN_MS, SPANS_KEPT_MS } from '../../src/inventory/span.ts'
import { SpansModel } from '../support/spans-model.ts'

const NOON_MS = Date.UTC(2026, 0, 1, 12)
const ALWAYS = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

function sampleAt(atMs: number, hit: number): Sample {
  return {
    atMs,
    pulls: { hit, miss: 1, join: 2, stale: 3, bypass: 4 },
    bytes: { served: hit * 100, fetched: 10 },
    storeBytes: hit * 1000,
    budgets: [{ upstream: 'docker.io', limit: 200, remaining: hit }],
  }
}

/** What every Inventory keeps of the statistics; `make` gives an empty one. */
export function inventorySpansContract(name: string, make: () => Promise<Inventory>): void {
  describe(`${name} keeps a history of the statistics`, () => {
    it('of minutes and of hours, each with all that was counted in it', async () => {
      await using inventory = await make()
      expect(await inventory.spans({ resolution: 'minute', ...ALWAYS })).toEqual([])
      await inventory.addSample(sampleAt(NOON_MS + 59_999, 5))
      await inventory.addSample(sampleAt(NOON_MS + 60_000, 6))
      await inventory.addSample(sampleAt(NOON_MS + 90_000, 7))
      const { atMs: _, ...first } = sampleAt(0, 5)
      const minutes = await inventory.spans({ resolution: 'minute', ...ALWAYS })
      expect(minutes).toEqual([
        { startMs: NOON_MS, ...first },
        {
          startMs: NOON_MS + 60_000,
          pulls: { hit: 13, miss: 2, join: 4, stale: 6, bypass: 8 },
          bytes: { served: 1300, fetched: 20 },
          storeBytes: 7000,
          budgets: [{ upstream: 'docker.io', limit: 200, remaining: 7 }],
        },
      ])
      expect(await inventory.spans({ resolution: 'hour', ...ALWAYS })).toEqual([
        {
          startMs: NOON_MS,
          pulls: { hit: 18, miss: 3, join: 6, stale: 9, bypass: 12 },
          bytes: { served: 1800, fetched: 30 },
          storeBytes: 7000,
          budgets: [{ upstream: 'docker.io', limit: 200, remaining: 7 }],
        },
      ])
    })

    it('and tells those that begin within a time', async () => {
      await using inventory = await make()
      for (let minute = 0; minute < 5; minute++) {
        await inventory.addSample(sampleAt(NOON_MS + minute * 60_000, minute))
      }
      const spans = await inventory.spans({
        resolution: 'minute',
        fromMs: NOON_MS + 60_000,
        toMs: NOON_MS + 3 * 60_000,
      })
      expect(spans.map(({ startMs }) => startMs - NOON_MS)).toEqual([60_000, 120_000])
    })

    it('for a day of minutes and a quarter of hours, and no longer', async () => {
      await using inventory = await make()
      await inventory.addSample(sampleAt(NOON_MS, 1))
      const counts = async () => [
        (await inventory.spans({ resolution: 'minute', ...ALWAYS })).length,
        (await inventory.spans({ resolution: 'hour', ...ALWAYS })).length,
      ]
      await inventory.addSample(sampleAt(NOON_MS + SPANS_KEPT_MS.minute - 1, 1))
      expect(await counts()).toEqual([2, 2])
      await inventory.addSample(sampleAt(NOON_MS + SPANS_KEPT_MS.minute, 1))
      expect(await counts()).toEqual([2, 3])
      await inventory.addSample(sampleAt(NOON_MS + SPANS_KEPT_MS.hour, 1))
      expect(await counts()).toEqual([1, 3])
    })

    it('as adding up all samples would, in whatever order they come', async () => {
      const sample = fc
        .tuple(fc.nat({ max: 5 * SPAN_MS.hour }), fc.nat({ max: 100 }))
        .map(([afterMs, hit]) => sampleAt(NOON_MS + afterMs, hit))
      await fc.assert(
        fc.asyncProperty(fc.array(sample, { maxLength: 12 }), async (samples) => {
          await using inventory = await make()
          const model = new SpansModel()
          for (const each of samples) {
            await inventory.addSample(each)
            model.add(each)
          }
          for (const resolution of ['minute', 'hour'] as const) {
            const query = { resolution, ...ALWAYS }
            expect(await inventory.spans(query)).toEqual(model.list(query))
          }
        }),
        { numRuns: 30 },
      )
    })
  })
}
