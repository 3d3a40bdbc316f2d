import { join } from 'node:path'
import { pino } from 'pino'
import { Holdings } from '../../src/cache/holdings.ts'
import { Leases } from '../../src/cache/leases.ts'
import { Uses } from '../../src/cache/uses.ts'
import { HostedRegistry } from '../../src/hosted/hosted-registry.ts'
import { createApp } from '../../src/http/app.ts'
import { listen } from '../../src/http/server.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { Routes } from '../../src/policy/routes.ts'
import { UploadFolder } from '../../src/store/upload-folder.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { fileStore } from '../support/file-store.ts'
import { MemorySource } from '../support/memory-source.ts'
import { oneLayer } from '../../src/store/layers.ts'
import { stepped, type Steps } from '../support/stepped.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ask, type Answer, type AskOptions } from './mirror.ts'

/** The application with `private` to push to beside a Docker Hub in memory, on a real port. */
export interface HostedRig extends AsyncDisposable {
  hub: MemorySource
  inventory: Inventory
  uploads: UploadFolder
  port: number
  ask(path: string, options?: AskOptions): Promise<Answer>
}

export interface HostedRigOptions {
  /** A folder to go on in. */
  folder?: string
  maxBlobBytes?: number
  allowSparse?: boolean
  /** What happens around what the inventory does. */
  steps?: Steps<Inventory>
}

export async function startHosted(options: HostedRigOptions = {}): Promise<HostedRig> {
  await using parts = new AsyncDisposableStack()
  const folder = options.folder ?? parts.use(await temporaryFolder()).path
  const { store, spools } = parts.use(await fileStore(folder))
  const clock = new FakeClock()
  const events = new Events(pino({ level: 'silent' }), new Metrics())
  const opened = parts.use(await openSqliteInventory(join(folder, 'inventory.db')))
  const inventory = stepped(opened, options.steps ?? {})
  const leases = new Leases()
  const keeper = new Holdings({
    store,
    layers: oneLayer(store),
    inventory,
    spools,
    leases,
    clock,
    events,
  })
  const uses = parts.use(new Uses({ inventory, clock, events }))
  const uploads = new UploadFolder(join(folder, 'uploads'), clock)
  const hosted = new HostedRegistry({
    registry: 'private',
    inventory,
    keeper,
    uses,
    spools: uploads,
    maxBlobBytes: options.maxBlobBytes ?? 1_000_000,
    allowSparse: options.allowSparse ?? false,
    clock,
  })
  const hub = new MemorySource()
  const routes = new Routes([
    { name: 'docker.io', prefix: 'docker.io', hosts: [], isDefault: true, source: hub },
    { name: 'private', prefix: 'private', hosts: [], isDefault: false, source: hosted.source },
  ])
  const app = createApp({ routes, hosted, events, isReady: () => true })
  const server = parts.use(await listen(app, { host: '127.0.0.1', port: 0 }))
  const running = parts.move()
  return {
    hub,
    inventory,
    uploads,
    port: server.port,
    ask: (path, asked) => ask(server, path, asked),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}
