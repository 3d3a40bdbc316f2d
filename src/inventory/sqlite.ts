import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { Checkpoints } from './checkpoints.ts'
import type { Inventory } from './inventory.ts'
import { LogSync } from './log-sync.ts'
import { migrate } from './migrations.ts'
import type { Schema } from './schema.ts'
import { SqlInventory } from './sql-inventory.ts'
import { NodeSqliteDialect } from './sqlite-dialect.ts'
import { sqliteError } from './sqlite-error.ts'

/**
 * NORMAL: a killed process loses nothing, a power cut may lose the last transactions but never
 * damages the file. The page cache holds the upper levels of the indexes of a million contents.
 * The log is brought home by Checkpoints; SQLite does it itself, in 4096 byte pages, only where
 * those fail.
 */
const PRAGMAS = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  pragma foreign_keys = on;
  pragma busy_timeout = 5000;
  pragma cache_size = -16384;
  pragma wal_autocheckpoint = 16384;
`

/**
 * Opens the inventory in an SQLite file, which is made where it is missing, and brings its schema
 * up to date; `:memory:` gives one that ends with its owner. Throws InventoryError for a file that
 * is damaged, is no database, or comes from a later release.
 */
export async function openSqliteInventory(path: string): Promise<Inventory> {
  const database = openDatabase(path)
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database, new Checkpoints(path)) })
  try {
    await migrate(db)
  } catch (cause) {
    await db.destroy()
    throw cause
  }
  if (path === ':memory:') return new SqlInventory(db, () => Promise.resolve())
  const log = new LogSync(path)
  return new SqlInventory(db, () => log.sync())
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec(PRAGMAS)
    return database
  } catch (cause) {
    database?.close()
    throw sqliteError(path, cause)
  }
}
