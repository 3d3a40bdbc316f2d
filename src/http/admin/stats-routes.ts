import type { Router } from '@koa/router'
import type { Inventory } from '../../inventory/inventory.ts'
import type { Span } from '../../inventory/span.ts'
import type { HttpState } from '../exchange.ts'
import { readQuery, statsHistoryQuery } from './parameters.ts'
import type { Stats, StatsHistory, StatsSpan } from '../../admin-stats.ts'

/** What was counted in the past. */
export type History = Pick<Inventory, 'spans'>

export function addStatsRoutes(
  router: Router<HttpState>,
  stats: () => Promise<Stats>,
  history: History,
): void {
  router.get('/stats', async (context) => {
    context.body = await stats()
  })
  router.get('/stats/history', async (context) => {
    const {
      resolution,
      from: fromMs = 0,
      to: toMs = Number.MAX_SAFE_INTEGER,
    } = readQuery(context, statsHistoryQuery)
    const spans = await history.spans({ resolution, fromMs, toMs })
    context.body = { resolution, spans: spans.map(spanEntry) } satisfies StatsHistory
  })
}

function spanEntry({ startMs, ...measured }: Span): StatsSpan {
  return { start: new Date(startMs).toISOString(), ...measured }
}
