import type { DatabaseSync } from 'node:sqlite'
import { InventoryError } from './inventory-error.ts'

const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** Runs work on a database and translates its failure into an InventoryError that names the file. */
export function sqliteResult<T>(database: DatabaseSync, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw sqliteError(database.isOpen ? database.location() : null, cause)
  }
}

/** `path` is null for a database in memory. */
export function sqliteError(path: string | null, cause: unknown): InventoryError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const state = isDamage(cause) ? 'is damaged' : 'failed'
  return new InventoryError(`inventory ${path ?? 'in memory'} ${state}: ${reason}`, { cause })
}

function isDamage(cause: unknown): boolean {
  if (!(cause instanceof Error && 'errcode' in cause)) return false
  // The low byte is the primary code, what is above it says more.
  const code = Number(cause.errcode) & 0xff
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}
