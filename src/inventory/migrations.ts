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
    .execute()
  await db.schema.createIndex('content_used').on('content').column('used_at_ms').execute()
  await db.schema
    .createTable('link')
    .addColumn('digest', 'text', (column) =>
      column.notNull().references('content.digest').onDelete('cascade'),
    )
    .addColumn('repository_id', 'integer', (column) => column.notNull().references('repository.id'))
    .addPrimaryKeyConstraint('link_key', ['digest', 'repository_id'])
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
  await db.schema.createIndex('child_digest').on('child').column('digest').execute()
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
    .createTable('totals')
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('entries', 'bigint', (column) => column.notNull())
    .execute()
  await sql`insert into totals (bytes, entries) values (0, 0)`.execute(db)
}
