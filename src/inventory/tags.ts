import type { Kysely, Transaction } from 'kysely'
import type { Tag } from '../oci/reference.ts'
import type { NamedTagRecord, RepositoryId, TagRecord } from './inventory.ts'
import { columnsOf, descriptorOf } from './rows.ts'
import type { Schema } from './schema.ts'
import { putRepository } from './writes.ts'

export async function tagRecord(
  db: Kysely<Schema>,
  repository: RepositoryId,
  tag: Tag,
): Promise<TagRecord | undefined> {
  const row = await tagsOf(db, repository)
    .select(['digest', 'media_type', 'size_bytes', 'checked_at_ms'])
    .where('tag.name', '=', tag)
    .executeTakeFirst()
  return row && { descriptor: descriptorOf(row), checkedAtMs: row.checked_at_ms }
}

export async function tagNames(db: Kysely<Schema>, repository: RepositoryId): Promise<Tag[]> {
  const rows = await tagsOf(db, repository).select('tag.name').orderBy('tag.name').execute()
  return rows.map((row) => row.name)
}

export async function tagRecords(
  db: Kysely<Schema>,
  repository: RepositoryId,
): Promise<NamedTagRecord[]> {
  const rows = await tagsOf(db, repository)
    .select(['tag.name', 'digest', 'media_type', 'size_bytes', 'checked_at_ms'])
    .orderBy('tag.name')
    .execute()
  return rows.map((row) => ({
    tag: row.name,
    descriptor: descriptorOf(row),
    checkedAtMs: row.checked_at_ms,
  }))
}

/** Returns the row of the repository. */
export async function putTag(
  trx: Transaction<Schema>,
  repository: RepositoryId,
  tag: Tag,
  record: TagRecord,
): Promise<number> {
  const repositoryId = await putRepository(trx, repository)
  const row = {
    repository_id: repositoryId,
    name: tag,
    ...columnsOf(record.descriptor),
    checked_at_ms: record.checkedAtMs,
  }
  await trx
    .insertInto('tag')
    .values(row)
    .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doUpdateSet(row))
    .execute()
  return repositoryId
}

export async function dropTag(
  db: Kysely<Schema>,
  { registry, name }: RepositoryId,
  tag: Tag,
): Promise<void> {
  await db
    .deleteFrom('tag')
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

function tagsOf(db: Kysely<Schema>, { registry, name }: RepositoryId) {
  return db
    .selectFrom('tag')
    .innerJoin('repository', 'repository.id', 'tag.repository_id')
    .where('repository.registry', '=', registry)
    .where('repository.name', '=', name)
}
