import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSqliteInventory } from '../../../src/inventory/sqlite.ts'
import { SPAN_MS } from '../../../src/inventory/span.ts'
import { AdminClient, type AdminRequest } from '../admin-load.ts'
import { fillInventory } from '../inventory/filled-inventory.ts'
import { fillStore } from '../inventory/sparse-store.ts'
import { drain } from '../load.ts'
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
const REQUESTS_PER_SECOND = 100
/** So many windows of the plan are one of this scenario: 1,000 requests in a full run. */
const WINDOWS = 5

/** Nothing goes by itself: what is held was never used since 1970. */
const CONFIG = { eviction: { maxSize: '100TiB', minFree: '0B', ttl: '36500d' } }

/** What pulling clients notice of those who look at the mirror. */
export async function adminLoad(plan: Plan): Promise<Section> {
  const windowMs = plan.windowMs * WINDOWS
  const count = Math.round((windowMs / 1000) * REQUESTS_PER_SECOND)
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
  const samples = await interleave(plan.runs, ['alone', 'beside'] as const, async (name) => {
    const job = {
      port: server.adminPort,
      mix: minuteOfPollers(),
      count,
      windowMs,
      listeners: LISTENERS,
    }
    await using client = name === 'beside' ? await AdminClient.start(job) : undefined
    const cpuBefore = server.cpuSeconds
    const [pulled, asked] = await Promise.all([
      drain({ port: server.port, path, connections: CLIENTS, windowMs }),
      client?.ask(),
    ])
    return {
      megabytesPerSecond: pulled.bytes / 1e6 / pulled.seconds,
      cpuPerGb: (server.cpuSeconds - cpuBefore) / (pulled.bytes / 1e9),
      adminP99Ms: asked?.p99Ms ?? NaN,
    }
  })
  const { alone, beside } = samples
  const asking = `${count.toLocaleString('en')} admin requests`
  return {
    title: 'Admin requests beside pulls',
    method: `${CLIENTS} clients ask for a blob of ${BLOB_BYTES / MIB} MiB over and over for ${windowMs / 1000} s, alone and, in turn with that, beside ${asking} at even distances: what ${POLLERS} ask in a minute that poll, each second how things stand and once all else that the page shows, one of which also looks for an image. ${LISTENERS} connections are told live how things stand, as pages are. The mirror holds ${CONTENTS.toLocaleString('en')} contents.`,
    head: ['', 'MB/s', 'server CPU s/GB', 'admin p99, ms'],
    rows: [
      ['alone', spread(alone.megabytesPerSecond, 0), spread(alone.cpuPerGb, 3), ''],
      [
        `beside ${asking}`,
        spread(beside.megabytesPerSecond, 0),
        spread(beside.cpuPerGb, 3),
        spread(beside.adminP99Ms, 1),
      ],
    ],
    targets: [
      atLeast(
        `MB/s beside ${asking} / alone`,
        0.95,
        median(beside.megabytesPerSecond) / median(alone.megabytesPerSecond),
      ),
    ],
    samples,
  }
}

/**
 * What those ask in a minute that poll: more than pages do, which are told live how things stand.
 * One of them begins in it, and looks for an image.
 */
function minuteOfPollers(): AdminRequest[] {
  const since = (ms: number) =>
    get(`stats/history?resolution=minute&from=${new Date(Date.now() - ms).toISOString()}`)
  const eachSecond = Array.from({ length: MINUTE_S }, () => [get('stats'), get('jobs')]).flat()
  const minute = [
    since(SPAN_MS.minute),
    get('images?limit=50'),
    { method: 'POST', path: 'evict', body: { dryRun: true, toBytes: 0, limit: 5 } } as const,
    get('stats/top?limit=5'),
    get('holds'),
    ...eachSecond,
  ]
  const opened = [since(DAY_MS), get('images?limit=50&search=app-17')]
  return [...opened, ...Array.from({ length: POLLERS }, () => minute).flat()]
}

function get(path: string): AdminRequest {
  return { method: 'GET', path }
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
