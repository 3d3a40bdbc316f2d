import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { pino } from 'pino'
import { Holdings } from '../../src/cache/holdings.ts'
import { Leases } from '../../src/cache/leases.ts'
import { Uses } from '../../src/cache/uses.ts'
import type { Config } from '../../src/config/schema.ts'
import type { Garbage } from '../../src/hosted/garbage.ts'
import type { UntaggedPolicy } from '../../src/hosted/repository-garbage.ts'
import type { RetentionRule } from '../../src/hosted/retention.ts'
import type { Rollback } from '../../src/hosted/rollback.ts'
import { HostedRegistry } from '../../src/hosted/hosted-registry.ts'
import { createApp } from '../../src/http/app.ts'
import { Gate } from '../../src/http/gate.ts'
import { listen } from '../../src/http/server.ts'
import type { Inventory } from '../../src/inventory/inventory.ts'
import { openSqliteInventory } from '../../src/inventory/sqlite.ts'
import { TrustedProxies } from '../../src/http/trusted-proxies.ts'
import { openLogins } from '../../src/logins.ts'
import { Routes } from '../../src/policy/routes.ts'
import type { BlobStore } from '../../src/store/blob-store.ts'
import { UploadFolder } from '../../src/store/upload-folder.ts'
import { AuditEvents } from '../../src/telemetry/audit-events.ts'
import { AuditLog } from '../../src/telemetry/audit-log.ts'
import type { ContentFeed } from '../../src/telemetry/content-feed.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { systemClock } from '../../src/util/clock.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { fileStore } from '../support/file-store.ts'
import { MemorySource } from '../support/memory-source.ts'
import { oneLayer } from '../../src/store/layers.ts'
import { stepped, type Steps } from '../support/stepped.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ask, type Answer, type AskOptions } from './mirror.ts'

/** What was pushed stays for so long, whatever needs it. */
export const HOUR_MS = 3_600_000

/** The application with `private` to push to beside a Docker Hub and a ghcr.io in memory, on a real port. */
export interface HostedRig extends AsyncDisposable {
  logLines: string[]
  metrics: Metrics
  hub: MemorySource
  ghcr: MemorySource
  inventory: Inventory
  store: BlobStore
  leases: Leases
  garbage: Garbage
  rollback: Rollback
  clock: FakeClock
  uploads: UploadFolder
  port: number
  feed: ContentFeed
  ask(path: string, options?: AskOptions): Promise<Answer>
  /** What the audit log says, once it has so many lines. */
  audited(count: number): Promise<Record<string, unknown>[]>
}

export type HostedAuth = Pick<Config['auth'], 'anonymous' | 'rules'> & {
  /** Users and their passwords; nobody can log in where left out. */
  users?: Record<string, string>
}

export interface HostedRigOptions {
  /** A folder to go on in. */
  folder?: string
  maxBlobBytes?: number
  quotaBytes?: number
  allowSparse?: boolean
  /** Who may do what; everybody everything where left out. */
  auth?: HostedAuth
  untagged?: UntaggedPolicy
  /** Addresses of proxies whose word counts. */
  trustedProxies?: string[]
  immutable?: string[]
  retention?: RetentionRule[]
  /** What happens around what the inventory does. */
  steps?: Steps<Inventory>
  /** The same with the store. */
  storeSteps?: Steps<BlobStore>
  /** Whether they are in the audit log. */
  withPulledBlobs?: boolean
}

export async function startHosted(options: HostedRigOptions = {}): Promise<HostedRig> {
  await using parts = new AsyncDisposableStack()
  const folder = options.folder ?? parts.use(await temporaryFolder()).path
  const files = parts.use(await fileStore(folder))
  const { spools } = files
  const store = stepped(files.store, options.storeSteps ?? {})
  const clock = new FakeClock()
  const logLines: string[] = []
  const write = (line: string) => void logLines.push(line)
  const logger = pino({ level: 'debug' }, { write })
  const metrics = new Metrics()
  const events = new Events(logger, metrics)
  const audit = parts.use(
    await AuditLog.open({
      path: join(folder, 'audit.log'),
      withPulledBlobs: options.withPulledBlobs ?? false,
      clock: systemClock,
      events: new AuditEvents(logger, metrics),
    }),
  )
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
    quotaBytes: options.quotaBytes,
    allowSparse: options.allowSparse ?? false,
    immutable: options.immutable ?? [],
    retention: options.retention ?? [],
    gracePeriodMs: HOUR_MS,
    untagged: options.untagged ?? 'keep',
    clock,
    events,
  })
  const hub = new MemorySource()
  const ghcr = new MemorySource()
  const routes = new Routes([
    { name: 'docker.io', prefix: 'docker.io', hosts: ['hub.mirror'], isDefault: true, source: hub },
    { name: 'ghcr.io', prefix: 'gh', hosts: ['ghcr.mirror'], isDefault: false, source: ghcr },
    { name: 'private', prefix: 'private', hosts: [], isDefault: false, source: hosted.source },
  ])
  const auth = options.auth ?? { anonymous: ['admin'], rules: [] }
  const config = { auth: await withUsers(auth, folder) }
  const logins = await openLogins({ config, placeOf }, clock, events.logins)
  const gate = new Gate(parts.use(logins))
  const proxies = new TrustedProxies(options.trustedProxies ?? [])
  const app = createApp({ routes, hosted, gate, proxies, events, audit, isReady: () => true })
  const server = parts.use(await listen(app, { host: '127.0.0.1', port: 0 }))
  const running = parts.move()
  return {
    hub,
    ghcr,
    logLines,
    metrics,
    inventory,
    store,
    leases,
    garbage: hosted.garbage,
    rollback: hosted.rollback,
    clock,
    uploads,
    port: server.port,
    feed: events.feed,
    ask: (path, asked) => ask(server, path, asked),
    audited: (count) =>
      eventually(`${count} lines of the audit log`, async () => {
        const lines = (await readFile(join(folder, 'audit.log'), 'utf8')).split('\n').slice(0, -1)
        if (lines.length < count) return undefined
        return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      }),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}

const placeOf = () => ({ source: 'flag', flag: '--users' }) as const

async function withUsers(
  { users, ...rights }: HostedAuth,
  folder: string,
): Promise<Config['auth']> {
  if (!users) return rights
  const htpasswd = join(folder, 'users')
  const lines = Object.entries(users).map(
    ([user, password]) => `${user}:${hashSync(password, 4)}\n`,
  )
  await writeFile(htpasswd, lines.join(''))
  return { ...rights, htpasswd }
}
