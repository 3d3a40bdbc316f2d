import type { Router } from '@koa/router'
import type { Inventory } from '../../inventory/inventory.ts'
import type { Span } from '../../inventory/span.ts'
import type { ServedRepository, TopRepositories } from '../../telemetry/top-repositories.ts'
import type { HttpState } from '../exchange.ts'
import { readQuery, statsHistoryQuery, topQuery } from './parameters.ts'
import type { Stats, StatsHistory, StatsSpan, TopEntry, TopList } from '../../admin-stats.ts'

/** What was counted in the past. */
export type History = Pick<Inventory, 'spans'>

export function addStatsRoutes(
  router: Router<HttpState>,
  stats: () => Promise<Stats>,
  history: History,
  top: Pick<TopRepositories, 'list'>,
): void {
  router.get('/stats', async (context) => {
    context.body = await stats()
  })
  router.get('/stats/top', (context) => {
    const { limit } = readQuery(context, topQuery)
    context.body = { repositories: top.list(limit).map(topEntry) } satisfies TopList
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

function topEntry({ upstream, repository, ...served }: ServedRepository): TopEntry {
  return { repository: `${upstream}/${repository}`, ...served }
}
