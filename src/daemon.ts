import { hostname } from 'node:os'
import { join } from 'node:path'
import { Eviction } from './cache/evict.ts'
import { Fills } from './cache/fills.ts'
import { Freezes } from './cache/freezes.ts'
import { GuardedSpools } from './cache/guarded-spools.ts'
import { Holdings } from './cache/holdings.ts'
import { Leases } from './cache/leases.ts'
import { Mirror } from './cache/mirror.ts'
import { mirrorOperations } from './cache/mirror-operations.ts'
import { Pins } from './cache/pins.ts'
import { Scrub } from './cache/scrub.ts'
import { Space } from './cache/space.ts'
import { Sweep } from './cache/sweep.ts'
import { TagControl } from './cache/tag-control.ts'
import { Uses } from './cache/uses.ts'
import { Warm } from './cache/warm.ts'
import type { LoadedConfig } from './config/load.ts'
import { configReport } from './config-report.ts'
import { readGauges } from './gauges.ts'
import { hostedOperations, openHosting, pinnedBy } from './hosting.ts'
import { createAdminApp } from './http/admin/app.ts'
import { createApp } from './http/app.ts'
import { Gate } from './http/gate.ts'
import { Redirects } from './http/redirects.ts'
import { TrustedProxies } from './http/trusted-proxies.ts'
import { openSqliteInventory } from './inventory/sqlite.ts'
import { startListening } from './listening.ts'
import { openLogins } from './logins.ts'
import { Guard } from './policy/guard.ts'
import { Routes } from './policy/routes.ts'
import { Rules } from './policy/rules.ts'
import { DiskReserve } from './store/disk-reserve.ts'
import { diskSpace } from './store/disk-space.ts'
import { FileSpoolFolder } from './store/file-spool.ts'
import { lockFolder } from './store/folder-lock.ts'
import { AuditEvents } from './telemetry/audit-events.ts'
import { AuditLog } from './telemetry/audit-log.ts'
import { CertificateEvents } from './telemetry/certificate-events.ts'
import { Events } from './telemetry/events.ts'
import type { OpenLogger } from './telemetry/logger.ts'
import { WebhookEvents } from './telemetry/webhook-events.ts'
import { Metrics } from './telemetry/metrics.ts'
import { Upkeep } from './upkeep.ts'
import { statsOf } from './stats.ts'
import { StatsRecorder } from './stats-recorder.ts'
import { openStore, spaceLimits } from './stores.ts'
import { openUpstream } from './upstreams.ts'
import { systemClock as clock } from './util/clock.ts'
import { localUrl, type ListenAddress } from './util/listen-url.ts'
import { openWebhooks } from './webhooks.ts'
import { VERSION } from './version.ts'
import { warmJobs } from './warming.ts'

/** What is on its way when the daemon is told to stop may take this long: answers first, then fills. */
const ANSWERS_DEADLINE_MS = 20_000
const FILLS_DEADLINE_MS = 5_000

/** What the start, and writing down what is evicted, takes when the disk is full. */
const RESERVE_BYTES = 8 * 1024 * 1024

/** A fill fails when upstream has given it no byte for this long. */
const FILL_PATIENCE_MS = 120_000

/** A mirror that runs. Disposing stops it: no new requests, then what is on its way, then the rest. */
export interface Daemon extends AsyncDisposable {
  address: ListenAddress
  adminAddress: ListenAddress
  /** Log files that were moved away are made anew. */
  reopenFiles(): void
}

/**
 * Starts everything, or nothing and throws why. No upstream has to be up. `hurry` cuts short what
 * disposing waits for.
 */
export async function startDaemon(
  loaded: LoadedConfig,
  { logger, recentErrors }: Pick<OpenLogger, 'logger' | 'recentErrors'>,
  hurry: AbortSignal,
): Promise<Daemon> {
  const { config } = loaded
  await using parts = new AsyncDisposableStack()
  const startedAtMs = clock.now()
  const metrics = new Metrics()
  const events = new Events(logger, metrics)

  const auditing = config.audit && {
    ...config.audit,
    clock,
    events: new AuditEvents(logger, metrics),
  }
  const audit = auditing && parts.use(await AuditLog.open(auditing))
  const logins = parts.use(await openLogins(loaded, clock, events.logins))
  const lock = parts.use(await lockFolder(config.data))
  const reserve = new DiskReserve(join(config.data, 'reserve'), RESERVE_BYTES)
  const { freeBytes } = await diskSpace(config.data)
  if (freeBytes < RESERVE_BYTES) await reserve.release()
  await lock.tell({ pid: process.pid, hostName: hostname(), sinceMs: startedAtMs })
  const spoolFolder = new FileSpoolFolder(join(config.data, 'spool'))
  await spoolFolder.clear()
  const parted = { clock, logger, metrics, spools: spoolFolder }
  const { store, layers, links, leftovers, stats: storeStats } = await openStore(config, parted)
  parts.use(store)
  const inventory = parts.use(await openSqliteInventory(join(config.data, 'inventory.db')))
  const hooked = { inventory, feed: events.feed, clock, events: new WebhookEvents(logger, metrics) }
  const webhooks = parts.use(await openWebhooks(config.webhooks, hooked))

  const space = new Space({
    limits: spaceLimits(config),
    inventory,
    disk: () => diskSpace(config.data),
    reserve,
    fills: () => fills.list(),
    clock,
    events,
  })
  const spools = new GuardedSpools(spoolFolder, space)
  const leases = new Leases()
  const holdings = new Holdings({ store, layers, inventory, spools, leases, clock, events })
  const uses = parts.use(new Uses({ inventory, clock, events }))
  const fills = new Fills({
    spools,
    admit: (sizeBytes) => space.admit(sizeBytes),
    clock,
    events,
    commit: (...blob) => space.watchPut(holdings.keepBlob(...blob)),
    giveUpAfterMs: FILL_PATIENCE_MS,
  })

  const { ttlMs } = config.eviction
  const configured = await pinnedBy(config, inventory)
  const pins = await Pins.open({ inventory, clock, configured })
  const eviction = parts.use(
    new Eviction({ inventory, holdings, leases, uses, fills, pins, space, ttlMs, clock, events }),
  )

  const freezes = await Freezes.open(inventory)
  const publicRegistries = new Set<string>()
  const upstreams = Object.entries(config.upstreams).map(([name, options]) => {
    const opened = parts.use(openUpstream(name, options, config.proxy, clock, events))
    const { source, isPublic, isLow, stats, entry, test } = opened
    const mirror = parts.use(
      new Mirror({
        registry: name,
        source,
        isPublic,
        isLow,
        holdings,
        fills,
        uses,
        tags: options.tags,
        freezes,
        clock,
        events,
      }),
    )
    if (isPublic) publicRegistries.add(name)
    const { prefix, hosts, default: isDefault } = options
    const guarded = new Guard(mirror, new Rules(name, options))
    return { name, prefix, hosts, isDefault, source: guarded, mirror, isLow, stats, entry, test }
  })
  parts.use(new StatsRecorder({ inventory, upstreams, clock, events }))
  const hosting = openHosting(config, { inventory, keeper: holdings, uses, clock, events })
  const routes = new Routes(hosting ? [...upstreams, hosting.route] : upstreams)
  const mirrors = new Map(upstreams.map(({ name, mirror }) => [name, mirror]))
  const byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]))
  const warm = new Warm({ upstreams: byName, fills, leases, clock, events })
  const jobs = [...warmJobs(config.warm, routes, warm), ...(hosting?.jobs ?? [])]
  const { bytesPerSecond } = config.scrub
  const content = { store, layers, inventory, holdings, pins, leases, clock, events }
  const scrub = new Scrub({ ...content, mirrors, bytesPerSecond })
  leftovers.push(spoolFolder, ...(hosting ? [hosting.uploads] : []))
  const sweep = new Sweep({ ...content, leftovers })
  const everyMs = { evict: config.eviction.everyMs, scrub: config.scrub.everyMs }
  const upkeep = parts.use(
    new Upkeep({ inventory, space, eviction, scrub, sweep, everyMs, jobs, clock, events }),
  )
  parts.defer(() => fills.drain(deadline(FILLS_DEADLINE_MS, hurry)))

  let isReady = false
  const listening = { isReady: () => isReady, events }
  const measured = { startedAtMs, storeStats, pins, fills, upstreams, webhooks, audit }
  const stats = () => statsOf({ ...measured, inventory, space, eviction, clock, events })
  const work = { eviction, sweep, warm, jobs: upkeep, publicRegistries }
  const operations = mirrorOperations({ ...content, ...work })
  const tags = new TagControl({ ...content, freezes, mirrors })
  readGauges(metrics, { space, fills, tags })
  const token = config.admin.token?.reveal()
  const answers = {
    metrics,
    stats,
    history: inventory,
    config: () => configReport(loaded),
    recentErrors,
    operations,
    tags,
    hosted: hosting && hostedOperations(hosting, upkeep),
    routes,
    upstreams: byName,
  }
  const isSecure = config.admin.tls !== undefined
  const admin = createAdminApp({ ...listening, ...answers, token, isSecure })
  const certificates = new CertificateEvents(logger, metrics)
  const adminListening = parts.use(await startListening(admin, config.admin, clock, certificates))
  // Who waits for it there is to be told that it has ended.
  parts.defer(() => upkeep[Symbol.asyncDispose]())
  parts.use(warm)
  const { redirectExcept: except } = config.store
  const redirects = links && new Redirects({ links, holdings, except, events })
  const proxies = new TrustedProxies(config.listen.trustedProxies)
  const serving = { audit, proxies, gate: new Gate(logins), routes, redirects }
  const app = createApp({ ...listening, ...serving, hosted: hosting?.hosted })
  const { server, address } = parts.use(
    await startListening(app, config.listen, clock, certificates),
  )
  parts.defer(() => server.drain(deadline(ANSWERS_DEADLINE_MS, hurry)))
  parts.defer(() => {
    isReady = false
    events.stopping()
  })

  isReady = true
  const adminAddress = adminListening.address
  events.started({
    version: VERSION,
    address: `${address.host}:${address.port}`,
    adminAddress: `${adminAddress.host}:${adminAddress.port}`,
    'registry-mirrors': [localUrl(address)],
    data: config.data,
    upstreams: upstreams.map(({ name }) => name),
  })
  const running = parts.move()
  return {
    address,
    adminAddress,
    reopenFiles: () => audit?.reopen(),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]()
      events.stopped()
    },
  }
}

function deadline(ms: number, hurry: AbortSignal): AbortSignal {
  return AbortSignal.any([AbortSignal.timeout(ms), hurry])
}
