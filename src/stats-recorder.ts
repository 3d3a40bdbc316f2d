import type { UpstreamStats } from './admin-stats.ts'
import { InventoryError } from './inventory/inventory-error.ts'
import type { Inventory } from './inventory/inventory.ts'
import { SPAN_MS, type UpstreamBudget } from './inventory/span.ts'
import type { Events, Totals } from './telemetry/events.ts'
import type { Clock } from './util/clock.ts'

export interface StatsRecorderOptions {
  inventory: Pick<Inventory, 'addSample' | 'totals'>
  upstreams: readonly { stats: () => UpstreamStats }[]
  clock: Clock
  events: Pick<Events, 'totals' | 'inventoryFailed'>
}

/**
 * Writes down at the end of each minute what was counted in it, and when it is disposed the rest.
 * What cannot be written is part of the next minute that can.
 */
export class StatsRecorder implements AsyncDisposable {
  readonly #options: StatsRecorderOptions
  readonly #abort = new AbortController()
  readonly #recording: Promise<void>
  /** Totals begin anew with the process. */
  #written: Totals

  constructor(options: StatsRecorderOptions) {
    this.#options = options
    this.#written = options.events.totals()
    this.#recording = this.#recordRegularly()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#recording
  }

  async #recordRegularly(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#abort
    while (!signal.aborted) {
      const nowMs = clock.now()
      const leftMs = SPAN_MS.minute - (nowMs % SPAN_MS.minute)
      await clock.sleep(leftMs, signal).catch(() => signal.aborted)
      // That which has ended is meant, however much later it is.
      await this.#record(Math.min(clock.now(), nowMs + leftMs) - 1)
    }
  }

  async #record(atMs: number): Promise<void> {
    const { inventory, upstreams, events } = this.#options
    const totals = events.totals()
    try {
      const { bytes: storeBytes } = await inventory.totals()
      const budgets = upstreams.flatMap(({ stats }) => budgetOf(stats()) ?? [])
      await inventory.addSample({ atMs, ...since(this.#written, totals), storeBytes, budgets })
      this.#written = totals
    } catch (error) {
      if (!(error instanceof InventoryError)) throw error
      events.inventoryFailed({ operation: 'record statistics', digest: undefined, error })
    }
  }
}

function since(before: Totals, now: Totals): Pick<Totals, 'pulls' | 'bytes'> {
  const { hit, miss, join, stale, bypass } = before.pulls
  return {
    pulls: {
      hit: now.pulls.hit - hit,
      miss: now.pulls.miss - miss,
      join: now.pulls.join - join,
      stale: now.pulls.stale - stale,
      bypass: now.pulls.bypass - bypass,
    },
    bytes: {
      served: now.bytes.served - before.bytes.served,
      fetched: now.bytes.fetched - before.bytes.fetched,
    },
  }
}

/** `undefined` where the upstream has told no limit. */
function budgetOf({ name, budget }: UpstreamStats): UpstreamBudget | undefined {
  let told: UpstreamBudget | undefined
  for (const { limit, remaining } of budget) {
    if (limit === null || remaining === null) continue
    told ??= { upstream: name, limit: 0, remaining: 0 }
    told.limit += limit
    told.remaining += remaining
  }
  return told
}
