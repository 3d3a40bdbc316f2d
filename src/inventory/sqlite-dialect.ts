import type { DatabaseSync } from 'node:sqlite'
import {
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { PreparedDatabase } from './prepared-database.ts'

/** Kysely over node:sqlite; failures are InventoryErrors. Destroying the Kysely closes the database. */
export class NodeSqliteDialect implements Dialect {
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#database)
  }

  createAdapter(): DialectAdapter {
    return new NodeSqliteAdapter()
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
  }
}

class NodeSqliteAdapter extends SqliteAdapter {
  /** There is one, but the driver hands it out itself: Kysely wakes all that wait for every one. */
  override get supportsMultipleConnections(): boolean {
    return true
  }

  /** SQLite has it; without it a migration that is killed would leave half of its tables. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Gives its one connection to one caller after the other, in the order in which they came. */
class NodeSqliteDriver extends SqliteDriver {
  readonly #database: DatabaseSync
  #lastTurn = Promise.resolve()
  #endTurn = () => {}

  constructor(database: DatabaseSync) {
    super({ database: new PreparedDatabase(database) })
    this.#database = database
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const previous = this.#lastTurn
    const turn = Promise.withResolvers<void>()
    this.#lastTurn = turn.promise
    await previous
    this.#endTurn = turn.resolve
    return super.acquireConnection()
  }

  override async releaseConnection(): Promise<void> {
    this.#endTurn()
  }

  /** Closes after the last caller that is in line. */
  override async destroy(): Promise<void> {
    await this.acquireConnection()
    await super.destroy()
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // On a full disk SQLite has rolled back by itself; failing to do it again would hide why.
    if (this.#database.isTransaction) await super.rollbackTransaction(connection)
  }
}
