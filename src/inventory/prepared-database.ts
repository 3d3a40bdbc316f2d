import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'
import { InventoryError } from './inventory-error.ts'
import { sqliteResult } from './sqlite-error.ts'

/** More than there are fixed statements; those that carry many rows come in many lengths. */
const MAX_STATEMENTS = 200

/** A node:sqlite database as Kysely wants it, which keeps its statements prepared. */
export class PreparedDatabase implements SqliteDatabase {
  readonly #database: DatabaseSync
  /** The least recently used first. */
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  prepare(sql: string): SqliteStatement {
    const statement = this.#statements.get(sql) ?? this.#prepare(sql)
    this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    const [oldest = ''] = this.#statements.keys()
    if (this.#statements.size > MAX_STATEMENTS) this.#statements.delete(oldest)
    return statement
  }

  close(): void {
    sqliteResult(this.#database, () => this.#database.close())
  }

  #prepare(sql: string): SqliteStatement {
    return sqliteResult(
      this.#database,
      () => new PreparedStatement(this.#database, this.#database.prepare(sql)),
    )
  }
}

class PreparedStatement implements SqliteStatement {
  readonly reader: boolean
  readonly #database: DatabaseSync
  readonly #statement: StatementSync

  constructor(database: DatabaseSync, statement: StatementSync) {
    this.#database = database
    this.#statement = statement
    this.reader = statement.columns().length > 0
  }

  all(parameters: readonly SQLInputValue[]): unknown[] {
    return sqliteResult(this.#database, () => this.#statement.all(...parameters))
  }

  run(parameters: readonly SQLInputValue[]): ReturnType<StatementSync['run']> {
    return sqliteResult(this.#database, () => this.#statement.run(...parameters))
  }

  iterate(): never {
    throw new InventoryError('a kept statement would be reset under its iterator')
  }
}
