import type { Kysely, Transaction } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Tag } from '../oci/reference.ts'
import {
  MAX_SIGHTINGS,
  type RememberedDigest,
  type RepositoryId,
  type TagRecord,
  type TagSighting,
  type WaitingSighting,
} from './inventory.ts'
import { repositoryIdOf } from './repositories.ts'
import { columnsOf, descriptorOf } from './rows.ts'
import type { Schema } from './schema.ts'
import { putTag } from './tags.ts'

type HistoryRow = Omit<Schema['tag_history'], 'repository_id' | 'name'>

const COLUMNS = [
  'tag_history.digest',
  'tag_history.media_type',
  'tag_history.size_bytes',
  'first_seen_ms',
  'last_seen_ms',
  'served_since_ms',
  'seen_by',
] as const

/** See Inventory.seeTag. */
export async function seeTag(
  trx: Transaction<Schema>,
  repository: RepositoryId,
  tag: Tag,
  seen: Descriptor,
  record: TagRecord,
  by: string | undefined,
): Promise<void> {
  const repositoryId = await putTag(trx, repository, tag, record)
  const { checkedAtMs, descriptor } = record
  const history = await rowsOf(trx, repositoryId, tag)
  const known = history.find(({ digest }) => digest === seen.digest)
  const servedSinceMs = descriptor.digest === seen.digest ? checkedAtMs : null
  const row = {
    repository_id: repositoryId,
    name: tag,
    ...columnsOf(seen),
    first_seen_ms: known?.first_seen_ms ?? checkedAtMs,
    last_seen_ms: Math.max(known?.last_seen_ms ?? checkedAtMs, checkedAtMs),
    served_since_ms: known?.served_since_ms ?? servedSinceMs,
    seen_by: by ?? null,
  }
  await trx
    .insertInto('tag_history')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'name', 'digest']).doUpdateSet(row),
    )
    .execute()
  if (!known && history.length >= MAX_SIGHTINGS) await trim(trx, repositoryId, tag)
}

/** See Inventory.history. */
export async function historyOf(
  db: Kysely<Schema>,
  repository: RepositoryId,
  tag: Tag,
): Promise<TagSighting[]> {
  const repositoryId = await repositoryIdOf(db, repository)
  if (repositoryId === undefined) return []
  return (await rowsOf(db, repositoryId, tag)).map(sightingOf)
}

/** See Inventory.remembered. */
export async function rememberedDigests(
  db: Kysely<Schema>,
  { registry, name }: RepositoryId,
  perTag: number,
): Promise<RememberedDigest[]> {
  const ranked = db
    .selectFrom('tag_history')
    .innerJoin('repository', 'repository.id', 'tag_history.repository_id')
    .innerJoin('tag', (join) =>
      join
        .onRef('tag.repository_id', '=', 'tag_history.repository_id')
        .onRef('tag.name', '=', 'tag_history.name'),
    )
    .where('registry', '=', registry)
    .where('repository.name', '=', name)
    .select((eb) => [
      'tag_history.name as tag',
      'tag_history.digest',
      eb.fn
        .agg<number>('row_number')
        .over((over) =>
          over
            .partitionBy('tag_history.name')
            .orderBy('last_seen_ms', 'desc')
            .orderBy('first_seen_ms', 'desc')
            .orderBy('tag_history.digest', 'desc'),
        )
        .as('rank'),
    ])
  return db
    .selectFrom(ranked.as('ranked'))
    .select(['tag', 'digest'])
    .where('rank', '<=', perTag)
    .orderBy('tag')
    .orderBy('digest')
    .execute()
}

/** See Inventory.waiting. */
export async function waitingSightings(db: Kysely<Schema>): Promise<WaitingSighting[]> {
  const rows = await db
    .selectFrom('tag_history')
    .innerJoin('repository', 'repository.id', 'tag_history.repository_id')
    .leftJoin('tag', (join) =>
      join
        .onRef('tag.repository_id', '=', 'tag_history.repository_id')
        .onRef('tag.name', '=', 'tag_history.name'),
    )
    .select(COLUMNS)
    .select(['registry', 'repository.name', 'tag_history.name as tag', 'tag.digest as served'])
    .where('served_since_ms', 'is', null)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('tag_history as other')
            .select('other.digest')
            .whereRef('other.repository_id', '=', 'tag_history.repository_id')
            .whereRef('other.name', '=', 'tag_history.name')
            .where((other) =>
              other(
                other.refTuple('other.last_seen_ms', 'other.first_seen_ms', 'other.digest'),
                '>',
                other.refTuple(
                  'tag_history.last_seen_ms',
                  'tag_history.first_seen_ms',
                  'tag_history.digest',
                ),
              ),
            ),
        ),
      ),
    )
    .orderBy('registry')
    .orderBy('repository.name')
    .orderBy('tag_history.name')
    .execute()
  return rows.map((row) => ({
    repository: { registry: row.registry, name: row.name },
    tag: row.tag,
    sighting: sightingOf(row),
    served: row.served ?? undefined,
  }))
}

/** See Inventory.dropHistories. */
export async function dropHistories(db: Kysely<Schema>, beforeMs: number): Promise<void> {
  await db
    .deleteFrom('tag_history')
    .where('last_seen_ms', '<', beforeMs)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('tag')
            .select('tag.name')
            .whereRef('tag.repository_id', '=', 'tag_history.repository_id')
            .whereRef('tag.name', '=', 'tag_history.name'),
        ),
      ),
    )
    .execute()
}

function rowsOf(db: Kysely<Schema>, repositoryId: number, tag: Tag): Promise<HistoryRow[]> {
  return db
    .selectFrom('tag_history')
    .select(COLUMNS)
    .where('repository_id', '=', repositoryId)
    .where('name', '=', tag)
    .orderBy('last_seen_ms', 'desc')
    .orderBy('first_seen_ms', 'desc')
    .orderBy('digest', 'desc')
    .execute()
}

async function trim(trx: Transaction<Schema>, repositoryId: number, tag: Tag): Promise<void> {
  const history = await rowsOf(trx, repositoryId, tag)
  const lastServed = history.find((row) => row.served_since_ms !== null)
  const leaving = history.slice(MAX_SIGHTINGS).filter((row) => row !== lastServed)
  await trx
    .deleteFrom('tag_history')
    .where('repository_id', '=', repositoryId)
    .where('name', '=', tag)
    .where(
      'digest',
      'in',
      leaving.map(({ digest }) => digest),
    )
    .execute()
}

function sightingOf(row: HistoryRow): TagSighting {
  return {
    descriptor: descriptorOf(row),
    firstSeenMs: row.first_seen_ms,
    lastSeenMs: row.last_seen_ms,
    servedSinceMs: row.served_since_ms ?? undefined,
    by: row.seen_by ?? undefined,
  }
}
