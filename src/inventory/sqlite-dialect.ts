import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Checkpoints } from './checkpoints.ts'
import { PreparedDatabase } from './prepared-database.ts'

/** Together they take a fraction of a millisecond, in which nobody is answered. */
const STATEMENTS_PER_TURN = 2

/** Kysely over node:sqlite; failures are InventoryErrors. Destroying the Kysely closes the database. */
export class NodeSqliteDialect implements Dialect {
  readonly #database: DatabaseSync
  readonly #checkpoints: Checkpoints

  constructor(database: DatabaseSync, checkpoints: Checkpoints) {
    this.#database = database
    this.#checkpoints = checkpoints
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#database, this.#checkpoints)
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
  readonly #checkpoints: Checkpoints
  readonly #breath = new Breath()
  #lastTurn = Promise.resolve()
  #endTurn = () => {}

  constructor(database: DatabaseSync, checkpoints: Checkpoints) {
    super({ database: new PreparedDatabase(database) })
    this.#database = database
    this.#checkpoints = checkpoints
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    await this.#takeTurn()
    return new BreathingConnection(await super.acquireConnection(), this.#breath)
  }

  /** Lets those pass that only read while the log is brought home. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    for (let { running } = this.#checkpoints; running; running = this.#checkpoints.running) {
      this.#endTurn()
      await running
      await this.#takeTurn()
    }
    await super.beginTransaction(connection)
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await super.commitTransaction(connection)
    this.#checkpoints.committed()
  }

  override async releaseConnection(): Promise<void> {
    this.#endTurn()
  }

  /** Closes after the last caller that is in line. */
  override async destroy(): Promise<void> {
    await this.#takeTurn()
    await this.#checkpoints[Symbol.asyncDispose]()
    await super.destroy()
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // On a full disk SQLite has rolled back by itself; failing to do it again would hide why.
    if (this.#database.isTransaction) await super.rollbackTransaction(connection)
    // If it is full, there is room in the log when that has been brought home.
    this.#checkpoints.start()
  }

  async #takeTurn(): Promise<void> {
    const previous = this.#lastTurn
    const turn = Promise.withResolvers<void>()
    this.#lastTurn = turn.promise
    await previous
    this.#endTurn = turn.resolve
  }
}

/** Lets the process do something else between statements, every so often. */
class BreathingConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection
  readonly #breath: Breath

  constructor(connection: DatabaseConnection, breath: Breath) {
    this.#connection = connection
    this.#breath = breath
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    await this.#breath.take()
    return this.#connection.executeQuery(query)
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    return this.#connection.streamQuery(query, chunkSize)
  }
}

class Breath {
  #statements = 0

  async take(): Promise<void> {
    if (++this.#statements % STATEMENTS_PER_TURN === 0) await setImmediate()
  }
}
