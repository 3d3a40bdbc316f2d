import type { Stats } from './admin-stats.ts'
import type { Eviction, PassSummary } from './cache/evict.ts'
import type { FillStatus } from './cache/fill.ts'
import type { Fills } from './cache/fills.ts'
import type { Pins } from './cache/pins.ts'
import type { Space } from './cache/space.ts'
import type { Inventory } from './inventory/inventory.ts'
import type { OpenStore } from './stores.ts'
import type { AuditLog } from './telemetry/audit-log.ts'
import type { Events } from './telemetry/events.ts'
import type { OpenUpstream } from './upstreams.ts'
import type { Clock } from './util/clock.ts'
import type { Webhooks } from './webhooks.ts'

export interface StatsParts {
  startedAtMs: number
  clock: Clock
  events: Events
  inventory: Inventory
  space: Space
  storeStats: OpenStore['stats']
  eviction: Eviction
  pins: Pins
  fills: Fills
  upstreams: readonly Pick<OpenUpstream, 'stats'>[]
  webhooks: Pick<Webhooks, 'stats'>
  audit: Pick<AuditLog, 'isFailing'> | undefined
}

/** What was counted since the start, and how things stand. */
export async function statsOf(parts: StatsParts): Promise<Stats> {
  const { startedAtMs, clock, events, inventory, space, eviction, pins } = parts
  const { bytes, entries } = await inventory.totals()
  return {
    uptimeMs: clock.now() - startedAtMs,
    ...events.totals(),
    store: { bytes, entries, maxBytes: space.maxBytes, ...parts.storeStats() },
    eviction: evictionStats(eviction, space),
    pins: { patterns: pins.count },
    fills: parts.fills.list().map(fillStats),
    upstreams: parts.upstreams.map((upstream) => upstream.stats()),
    webhooks: parts.webhooks.stats(),
    audit: parts.audit ? { isFailing: parts.audit.isFailing } : null,
  }
}

/** The rest is foreseen at the rate of late. */
export function fillStats(fill: FillStatus): Stats['fills'][number] {
  const { digest, repository, bytes, totalBytes, bytesPerSecond, followers } = fill
  const isForeseen = totalBytes !== undefined && bytesPerSecond > 0
  return {
    digest,
    repository: `${repository.registry}/${repository.name}`,
    bytes,
    totalBytes: totalBytes ?? null,
    bytesPerSecond,
    remainingMs: isForeseen ? Math.ceil(((totalBytes - bytes) / bytesPerSecond) * 1000) : null,
    followers,
  }
}

function evictionStats({ isRunning, lastPass }: Eviction, space: Space): Stats['eviction'] {
  return {
    state: isRunning ? 'running' : 'idle',
    isSpaceFull: space.isFull,
    isStuck: space.isStuck,
    lastPass: lastPass ? passStats(lastPass) : null,
  }
}

function passStats({ startedAtMs, ...pass }: PassSummary): Stats['eviction']['lastPass'] {
  return { startedAt: new Date(startedAtMs).toISOString(), ...pass }
}
