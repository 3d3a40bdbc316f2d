import type { Kysely, Transaction } from 'kysely'
import type { Schema, StatsSpanTable } from './schema.ts'
import {
  type Resolution,
  type Sample,
  type Span,
  SPAN_MS,
  type SpanQuery,
  SPANS_KEPT_MS,
  type UpstreamBudget,
} from './span.ts'

const RESOLUTIONS = ['minute', 'hour'] as const

const COUNTS = [
  'hits',
  'misses',
  'joins',
  'stale',
  'bypasses',
  'served_bytes',
  'fetched_bytes',
] as const

/** See Inventory.addSample. */
export async function addSample(trx: Transaction<Schema>, sample: Sample): Promise<void> {
  await trx
    .insertInto('stats_span')
    .values(RESOLUTIONS.map((resolution) => rowOf(resolution, sample)))
    .onConflict((conflict) =>
      conflict.columns(['resolution', 'start_ms']).doUpdateSet((eb) => ({
        ...Object.fromEntries(
          COUNTS.map((count) => [
            count,
            eb(`stats_span.${count}`, '+', eb.ref(`excluded.${count}`)),
          ]),
        ),
        store_bytes: eb.ref('excluded.store_bytes'),
        budgets: eb.ref('excluded.budgets'),
      })),
    )
    .execute()
  for (const resolution of RESOLUTIONS) {
    await trx
      .deleteFrom('stats_span')
      .where('resolution', '=', resolution)
      .where('start_ms', '<=', sample.atMs - SPANS_KEPT_MS[resolution])
      .execute()
  }
}

/** See Inventory.spans. */
export async function spansOf(
  db: Kysely<Schema>,
  { resolution, fromMs, toMs }: SpanQuery,
): Promise<Span[]> {
  const rows = await db
    .selectFrom('stats_span')
    .selectAll()
    .where('resolution', '=', resolution)
    .where('start_ms', '>=', fromMs)
    .where('start_ms', '<', toMs)
    .orderBy('start_ms')
    .execute()
  return rows.map(spanOf)
}

function rowOf(resolution: Resolution, sample: Sample): StatsSpanTable {
  const { atMs, pulls, bytes, storeBytes, budgets } = sample
  return {
    resolution,
    start_ms: atMs - (atMs % SPAN_MS[resolution]),
    hits: pulls.hit,
    misses: pulls.miss,
    joins: pulls.join,
    stale: pulls.stale,
    bypasses: pulls.bypass,
    served_bytes: bytes.served,
    fetched_bytes: bytes.fetched,
    store_bytes: storeBytes,
    budgets: JSON.stringify(budgets),
  }
}

function spanOf(row: StatsSpanTable): Span {
  return {
    startMs: row.start_ms,
    pulls: {
      hit: row.hits,
      miss: row.misses,
      join: row.joins,
      stale: row.stale,
      bypass: row.bypasses,
    },
    bytes: { served: row.served_bytes, fetched: row.fetched_bytes },
    storeBytes: row.store_bytes,
    budgets: JSON.parse(row.budgets) as UpstreamBudget[],
  }
}
