import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSqliteInventory } from '../../../src/inventory/sqlite.ts'
import { SPAN_MS } from '../../../src/inventory/span.ts'
import { fillInventory } from '../inventory/filled-inventory.ts'
import { fillStore } from '../inventory/sparse-store.ts'
import { type AskedRequest, type Asking, drain } from '../load.ts'
import { atLeast, type Plan, type Section } from '../section.ts'
import { Server } from '../servers.ts'
import { untilSettled } from '../settled.ts'
import { interleave, median, spread } from '../statistics.ts'
import { UpstreamProcess } from '../upstream-process.ts'
import { warm } from '../warm.ts'

const MIB = 1024 * 1024
const DAY_MS = 24 * 60 * 60_000
const MINUTE_S = 60
const POLLERS = 8
const CLIENTS = 64
const BLOB_BYTES = 64 * MIB
const CONTENTS = 100_000
const LISTENERS = 10
const REQUESTS = 1000
/** So many windows of the plan are a short one here, */
const SHORT = 5
/** and so many a long one: 10 seconds and a minute in a full run. */
const LONG = 30

/** Nothing goes by itself: what is held was never used since 1970. */
const CONFIG = { eviction: { maxSize: '100TiB', minFree: '0B', ttl: '36500d' } }

/** What pulling clients notice of those who look at the mirror. */
export async function adminLoad(plan: Plan): Promise<Section> {
  await using upstream = await UpstreamProcess.start()
  const image = await upstream.addImage(1, BLOB_BYTES)
  await using folder = await makeFolder()
  await using server = await Server.start('entrepot', upstream.url, {
    folder: folder.path,
    config: CONFIG,
  })
  await warm(server, upstream, image)
  // The sweep that comes with the start walks through all that is held.
  await untilSettled(server, upstream)
  const path = `/v2/${image.repository}/blobs/${image.blobs.at(-1)}`
  const shortMs = plan.windowMs * SHORT
  const longMs = plan.windowMs * LONG
  const ways = {
    alone: { windowMs: shortMs, isAsked: false },
    spread: { windowMs: longMs, isAsked: true },
    pressed: { windowMs: shortMs, isAsked: true },
  }
  const names = Object.keys(ways) as (keyof typeof ways)[]
  const samples = await interleave(plan.runs, names, async (name) => {
    const { windowMs, isAsked } = ways[name]
    const cpuBefore = server.cpuSeconds
    const pulled = await drain({
      port: server.port,
      path,
      connections: CLIENTS,
      windowMs,
      asking: isAsked ? askingOf(server) : undefined,
    })
    return {
      megabytesPerSecond: pulled.bytes / 1e6 / pulled.seconds,
      cpuPerGb: (server.cpuSeconds - cpuBefore) / (pulled.bytes / 1e9),
      adminP99Ms: pulled.askedP99Ms ?? NaN,
    }
  })
  const asked = `${REQUESTS.toLocaleString('en')} admin requests`
  const labels = {
    alone: 'alone',
    spread: `beside ${asked} in ${longMs / 1000} s`,
    pressed: `beside ${asked} in ${shortMs / 1000} s`,
  }
  return {
    title: 'Admin requests beside pulls',
    method: `${CLIENTS} clients ask for a blob of ${BLOB_BYTES / MIB} MiB over and over, alone and, in turn with that, beside ${asked} at even distances: what ${POLLERS} ask in a minute that poll, each second how things stand and once all else that the page shows, one of which also looks for an image; in that minute, and pressed into a sixth of it. ${LISTENERS} connections are told live how things stand, as pages are. The mirror holds ${CONTENTS.toLocaleString('en')} contents.`,
    head: ['', 'MB/s', 'server CPU s/GB', 'admin p99, ms'],
    rows: names.map((name) => [
      labels[name],
      spread(samples[name].megabytesPerSecond, 0),
      spread(samples[name].cpuPerGb, 3),
      ways[name].isAsked ? spread(samples[name].adminP99Ms, 1) : '',
    ]),
    targets: (['spread', 'pressed'] as const).map((name) =>
      atLeast(
        `MB/s ${labels[name]} / alone`,
        0.95,
        median(samples[name].megabytesPerSecond) / median(samples.alone.megabytesPerSecond),
      ),
    ),
    samples,
  }
}

function askingOf({ adminPort: port }: Server): Asking {
  const listening = { listeners: LISTENERS, listenTo: '/api/v1/live' }
  return { port, mix: minuteOfPollers(), count: REQUESTS, ...listening }
}

/**
 * What those ask in a minute that poll: more than pages do, which are told live how things stand.
 * One of them begins in it, and looks for an image.
 */
function minuteOfPollers(): AskedRequest[] {
  const since = (ms: number) =>
    get(`stats/history?resolution=minute&from=${new Date(Date.now() - ms).toISOString()}`)
  const body = JSON.stringify({ dryRun: true, toBytes: 0, limit: 5 })
  const preview = { method: 'POST', path: '/api/v1/evict', body } as const
  const eachSecond = Array.from({ length: MINUTE_S }, () => [get('stats'), get('jobs')]).flat()
  const minute = [
    since(SPAN_MS.minute),
    get('images?limit=50'),
    preview,
    get('stats/top?limit=5'),
    get('holds'),
    ...eachSecond,
  ]
  const opened = [since(DAY_MS), get('images?limit=50&search=app-17')]
  return [...opened, ...Array.from({ length: POLLERS }, () => minute).flat()]
}

function get(path: string): AskedRequest {
  return { method: 'GET', path: `/api/v1/${path}`, body: '' }
}

/** A mirror that holds much and has a whole day to tell of. */
async function makeFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = fileURLToPath(new URL('../../../build/bench/admin-load/', import.meta.url))
  const remove = () => rm(path, { recursive: true, force: true })
  await remove()
  const data = join(path, 'data')
  await mkdir(data, { recursive: true })
  const file = join(data, 'inventory.db')
  await fillInventory(file, CONTENTS)
  await fillStore(join(data, 'blobs'), file)
  await using inventory = await openSqliteInventory(file)
  const nowMs = Date.now()
  for (const job of ['scrub.run', 'sweep.run']) {
    await inventory.putJobState(job, { startedAtMs: nowMs, endedAtMs: nowMs, result: {} })
  }
  for (let atMs = nowMs - DAY_MS; atMs < nowMs; atMs += SPAN_MS.minute) {
    await inventory.addSample({
      atMs,
      pulls: { hit: 90, miss: 10, join: 0, stale: 0, bypass: 0 },
      bytes: { served: 1000 * MIB, fetched: 100 * MIB },
      storeBytes: CONTENTS * 10_000_000,
      budgets: [{ upstream: 'docker.io', limit: 100, remaining: 90 }],
    })
  }
  return { path, [Symbol.asyncDispose]: remove }
}
