import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'
import { InventoryError } from './inventory-error.ts'
import type { Schema } from './schema.ts'

/** In order of name; one that was released is never changed. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-first': { up: first },
}

const PROVIDER: MigrationProvider = { getMigrations: () => Promise.resolve(MIGRATIONS) }

/** Brings a database to the present schema, in one transaction. Throws InventoryError. */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  const { error } = await new Migrator({ db, provider: PROVIDER }).migrateToLatest()
  if (error === undefined) return
  if (error instanceof InventoryError) throw error
  const reason = error instanceof Error ? error.message : 'unknown reason'
  throw new InventoryError(`cannot bring the inventory up to date: ${reason}`, { cause: error })
}

async function first(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('repository')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('registry', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addUniqueConstraint('repository_name', ['registry', 'name'])
    .execute()
  await db.schema
    .createTable('content')
    .addColumn('digest', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('stored_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('used_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('parents', 'integer', (column) => column.notNull())
    .addColumn('reused', 'integer', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('content_root')
    .on('content')
    .columns(['reused', 'used_at_ms', 'digest'])
    .where(sql.ref('parents'), '=', sql.lit(0))
    .execute()
  await db.schema
    .createTable('link')
    .addColumn('digest', 'text', (column) =>
      column.notNull().references('content.digest').onDelete('cascade'),
    )
    .addColumn('repository_id', 'integer', (column) => column.notNull().references('repository.id'))
    .addColumn('used_at_ms', 'bigint')
    .addColumn('linked_at_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('link_key', ['digest', 'repository_id'])
    .execute()
  // Of manifests alone; in order of digest for the listing, in order of use to find what a use belongs to.
  await db.schema
    .createIndex('link_manifest')
    .on('link')
    .columns(['repository_id', 'digest'])
    .where(sql.ref('used_at_ms'), 'is not', null)
    .execute()
  await db.schema
    .createIndex('link_blob')
    .on('link')
    .columns(['repository_id', 'digest'])
    .where(sql.ref('used_at_ms'), 'is', null)
    .execute()
  await db.schema
    .createTable('unlinked')
    .addColumn('digest', 'text', (column) =>
      column.primaryKey().references('content.digest').onDelete('cascade'),
    )
    .execute()
  await db.schema
    .createIndex('link_used')
    .on('link')
    .columns(['repository_id', 'used_at_ms desc', 'digest'])
    .where(sql.ref('used_at_ms'), 'is not', null)
    .execute()
  await db.schema
    .createTable('child')
    .addColumn('parent_digest', 'text', (column) =>
      column.notNull().references('content.digest').onDelete('cascade'),
    )
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('child_key', ['parent_digest', 'position'])
    .execute()
  await db.schema
    .createIndex('child_digest')
    .on('child')
    .columns(['digest', 'parent_digest'])
    .execute()
  await db.schema
    .createTable('referrers')
    .addColumn('digest', 'text', (column) =>
      column.notNull().references('content.digest').onDelete('cascade'),
    )
    .addColumn('repository_id', 'integer', (column) => column.notNull().references('repository.id'))
    .addColumn('list', 'text', (column) => column.notNull())
    .addColumn('checked_at_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('referrers_key', ['digest', 'repository_id'])
    .execute()
  await db.schema
    .createTable('tag')
    .addColumn('repository_id', 'integer', (column) => column.notNull().references('repository.id'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('checked_at_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('tag_key', ['repository_id', 'name'])
    .execute()
  await db.schema
    .createIndex('tag_digest')
    .on('tag')
    .columns(['digest', 'repository_id', 'name'])
    .execute()
  await db.schema
    .createTable('tag_history')
    .addColumn('repository_id', 'integer', (column) => column.notNull().references('repository.id'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('first_seen_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_ms', 'bigint', (column) => column.notNull())
    .addColumn('served_since_ms', 'bigint')
    .addColumn('seen_by', 'text')
    .addPrimaryKeyConstraint('tag_history_key', ['repository_id', 'name', 'digest'])
    .execute()
  await db.schema
    .createIndex('tag_history_waiting')
    .on('tag_history')
    .columns(['repository_id', 'name'])
    .where(sql.ref('served_since_ms'), 'is', null)
    .execute()
  await db.schema
    .createTable('freeze')
    .addColumn('repository_id', 'integer', (column) => column.notNull().references('repository.id'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('freeze_key', ['repository_id', 'name'])
    .execute()
  await db.schema
    .createTable('subject')
    .addColumn('repository_id', 'integer', (column) => column.notNull().references('repository.id'))
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) =>
      column.notNull().references('content.digest').onDelete('cascade'),
    )
    .addColumn('entry', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('subject_key', ['repository_id', 'subject', 'digest'])
    .execute()
  await db.schema.createIndex('subject_digest').on('subject').column('digest').execute()
  await db.schema
    .createTable('totals')
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('entries', 'bigint', (column) => column.notNull())
    .addColumn('once_bytes', 'bigint', (column) => column.notNull())
    .execute()
  await sql`insert into totals (bytes, entries, once_bytes) values (0, 0, 0)`.execute(db)
  await db.schema
    .createTable('stats_span')
    .addColumn('resolution', 'text', (column) => column.notNull())
    .addColumn('start_ms', 'bigint', (column) => column.notNull())
    .addColumn('hits', 'bigint', (column) => column.notNull())
    .addColumn('misses', 'bigint', (column) => column.notNull())
    .addColumn('joins', 'bigint', (column) => column.notNull())
    .addColumn('stale', 'bigint', (column) => column.notNull())
    .addColumn('bypasses', 'bigint', (column) => column.notNull())
    .addColumn('served_bytes', 'bigint', (column) => column.notNull())
    .addColumn('fetched_bytes', 'bigint', (column) => column.notNull())
    .addColumn('store_bytes', 'bigint', (column) => column.notNull())
    .addColumn('budgets', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('stats_span_key', ['resolution', 'start_ms'])
    .execute()
  await db.schema
    .createTable('pin')
    .addColumn('pattern', 'text', (column) => column.primaryKey())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('job')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('state', 'text', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('webhook_event')
    .addColumn('webhook', 'text', (column) => column.notNull())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('webhook_event_key', ['webhook', 'position'])
    .execute()
}
