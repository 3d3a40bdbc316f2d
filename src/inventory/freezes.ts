import type { Kysely, Transaction } from 'kysely'
import type { Tag } from '../oci/reference.ts'
import type { Freeze, RepositoryId } from './inventory.ts'
import { columnsOf, descriptorOf } from './rows.ts'
import type { Schema } from './schema.ts'
import { putRepository } from './writes.ts'

/** See Inventory.freezes. */
export async function allFreezes(db: Kysely<Schema>): Promise<Freeze[]> {
  const rows = await db
    .selectFrom('freeze')
    .innerJoin('repository', 'repository.id', 'freeze.repository_id')
    .select(['registry', 'repository.name', 'freeze.name as tag'])
    .select(['digest', 'media_type', 'size_bytes', 'created_at_ms'])
    .orderBy('registry')
    .orderBy('repository.name')
    .orderBy('freeze.name')
    .execute()
  return rows.map((row) => ({
    repository: { registry: row.registry, name: row.name },
    tag: row.tag,
    descriptor: descriptorOf(row),
    createdAtMs: row.created_at_ms,
  }))
}

/** See Inventory.putFreeze. */
export async function putFreeze(
  trx: Transaction<Schema>,
  { repository, tag, descriptor, createdAtMs }: Freeze,
): Promise<void> {
  const row = {
    repository_id: await putRepository(trx, repository),
    name: tag,
    ...columnsOf(descriptor),
    created_at_ms: createdAtMs,
  }
  await trx
    .insertInto('freeze')
    .values(row)
    .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doUpdateSet(row))
    .execute()
}

/** See Inventory.dropFreeze. */
export async function dropFreeze(
  db: Kysely<Schema>,
  { registry, name }: RepositoryId,
  tag: Tag,
): Promise<void> {
  await db
    .deleteFrom('freeze')
    .where('name', '=', tag)
    .where('repository_id', '=', (eb) =>
      eb
        .selectFrom('repository')
        .select('id')
        .where('registry', '=', registry)
        .where('name', '=', name),
    )
    .execute()
}
