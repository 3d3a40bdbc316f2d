import { join } from 'node:path'
import { pino } from 'pino'
import { Fills } from '../../src/cache/fills.ts'
import { Freezes } from '../../src/cache/freezes.ts'
import { Holdings } from '../../src/cache/holdings.ts'
import { Leases } from '../../src/cache/leases.ts'
import { Mirror } from '../../src/cache/mirror.ts'
import { Uses } from '../../src/cache/uses.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { oneLayer } from '../../src/store/layers.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { fileStore, type TestFileStore } from '../support/file-store.ts'
import { stepped, type Steps } from '../support/stepped.ts'
import { Disk } from './disk.ts'
import type { Scheduler } from './scheduler.ts'
import { UpstreamConnection, type Upstream } from './upstream.ts'

export const POLICY = {
  freshForMs: 300_000,
  staleForMs: 86_400_000,
  absentForMs: 60_000,
  onAbsent: 'drop',
  refreshAhead: false,
  holdMs: 0,
  holdExcept: [],
} as const

export interface LogLine {
  msg: string
  digest?: string
}

export interface MirrorRunOptions {
  folder: string
  upstream: Upstream
  scheduler: Scheduler
  startMs: number
  isPublic: boolean
  onLog: (line: LogLine) => void
}

/** What the mirror asks of it: all of it takes turns of the process, and so could come early or late. */
const TIMED = [
  'record',
  'link',
  'held',
  'isLinked',
  'isLinkedWithin',
  'tag',
  'seeTag',
  'dropTag',
  'tags',
  'forget',
  'touch',
] as const

interface Parts {
  mirror: Mirror
  fills: Fills
  files: TestFileStore
  disk: Disk
  inventory: Inventory
  uses: Uses
}

/** One run of the mirror on a data folder, from its start until it is stopped or killed. */
export class MirrorRun {
  readonly clock: FakeClock
  readonly connection: UpstreamConnection
  readonly #killed = Promise.withResolvers<never>()
  readonly #scheduler: Scheduler
  #parts!: Parts
  isAlive = true

  private constructor({ scheduler, startMs, upstream }: MirrorRunOptions) {
    this.#scheduler = scheduler
    this.clock = new FakeClock(startMs)
    this.connection = new UpstreamConnection(upstream, this)
    this.#killed.promise.catch(() => undefined)
  }

  static async start(options: MirrorRunOptions): Promise<MirrorRun> {
    const { folder, upstream, scheduler, isPublic, onLog } = options
    const run = new MirrorRun(options)
    const { clock, connection: source } = run
    const files = await fileStore(folder)
    const disk = new Disk(files, run, scheduler, upstream.dice)
    const inventory = await openSqliteInventory(join(folder, 'inventory.db'))
    const write = (line: string) => onLog(JSON.parse(line) as LogLine)
    const events = new Events(pino({ level: 'debug' }, { write }), new Metrics())
    const turns: Steps<Inventory> = {}
    for (const name of TIMED) turns[name] = (work) => scheduler.turn(run, name, work)
    const shared = { inventory: stepped(inventory, turns), spools: disk, clock, events }
    const holdings = new Holdings({
      ...shared,
      store: disk,
      layers: oneLayer(disk),
      leases: new Leases(),
    })
    const uses = new Uses(shared)
    const fills = new Fills({
      ...shared,
      admit: () => Promise.resolve(),
      commit: (...blob) => holdings.keepBlob(...blob),
      giveUpAfterMs: 120_000,
    })
    const freezes = await Freezes.open(inventory)
    const parts = { ...shared, holdings, uses, fills, source, isPublic, tags: POLICY, freezes }
    const mirror = new Mirror({ ...parts, registry: 'docker.io', isLow: () => false })
    run.#parts = { mirror, fills, files, disk, inventory, uses }
    return run
  }

  get mirror(): Mirror {
    return this.#parts.mirror
  }

  get fills(): Fills {
    return this.#parts.fills
  }

  /** The store without turns and faults. */
  get files(): TestFileStore {
    return this.#parts.files
  }

  get disk(): Disk {
    return this.#parts.disk
  }

  get inventory(): Inventory {
    return this.#parts.inventory
  }

  /** Waits for an answer of this run; rejects when it is killed. */
  answer<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#killed.promise])
  }

  /** Stops it as the daemon does when its clients have gone. */
  async stop(): Promise<void> {
    const { fills, mirror, uses, inventory } = this.#parts
    await fills[Symbol.asyncDispose]()
    await mirror[Symbol.asyncDispose]()
    await uses[Symbol.asyncDispose]()
    await this.#scheduler.turn(this, 'close', async () => inventory[Symbol.asyncDispose]())
    this.isAlive = false
  }

  /** Ends it as `kill -9` does: nothing of it goes on, and nothing is tidied up. */
  async kill(): Promise<void> {
    this.isAlive = false
    this.#scheduler.kill(this)
    this.#killed.reject(new Killed())
    await this.inventory[Symbol.asyncDispose]()
  }
}

/** What a client gets whose mirror was killed. */
export class Killed extends Error {
  override readonly name = 'Killed'
}
