import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { JobList } from '../../../src/admin-api.ts'
import type { Stats } from '../../../src/admin-stats.ts'
import { openSqliteInventory } from '../../../src/inventory/sqlite.ts'
import { fillInventory } from '../inventory/filled-inventory.ts'
import { fillStore } from '../inventory/sparse-store.ts'
import { load, type LoadJob } from '../load.ts'
import { atMost, type Plan, type Section } from '../section.ts'
import { Server } from '../servers.ts'
import { interleave, median, spread } from '../statistics.ts'
import { UpstreamProcess, type BenchImage } from '../upstream-process.ts'
import { warm } from '../warm.ts'

const MIB = 1024 * 1024
const SMALL = 1_000
const LARGE = 1_000_000
const STARTS = 5
const CONNECTIONS = 16
/** A pass is measured in parts, so that what comes between shows what it costs. */
const FREED_EACH = 0.02
const ACCEPT = 'Accept: application/vnd.oci.image.manifest.v1+json\r\n'

/** Nothing goes by itself: what is held was never used since 1970. */
const CONFIG = {
  eviction: { maxSize: '100TiB', minFree: '0B', ttl: '36500d' },
  scrub: { every: '36500d' },
}

/** Pulls while a mirror of a million contents evicts, and what holding them costs. */
export async function evictionLoad(plan: Plan): Promise<Section> {
  await using upstream = await UpstreamProcess.start()
  const image = await upstream.addImage(8, 64 * 1024)
  await using folders = await Folders.make()
  const starts = await interleave(STARTS, ['empty', 'large'] as const, async (name) => {
    await using server = await folders.start(name, upstream)
    return { ms: server.startMs }
  })
  await using small = await folders.start('small', upstream)
  await using large = await folders.start('large', upstream)
  for (const server of [small, large]) {
    await untilIdle(server)
    await warm(server, upstream, image)
  }
  const perEntryBytes = (large.rssBytes - small.rssBytes) / (LARGE - SMALL)
  const jobs = jobsOf(image, plan)
  const costs = await interleave(plan.runs, ['small', 'large'] as const, async (name) => {
    const server = name === 'small' ? small : large
    return {
      manifestMicroseconds: await cpuMicroseconds(server, jobs.manifest),
      blobMicroseconds: await cpuMicroseconds(server, jobs.blob),
    }
  })
  const { manifest } = jobs
  const passes = await interleave(5, ['quiet', 'evicting'] as const, async (name) => {
    if (name === 'quiet') return measure(large, manifest)
    const { store } = await statsOf(large)
    const toBytes = Math.floor(store.bytes - LARGE * 10_000_000 * FREED_EACH)
    const startMs = performance.now()
    const pass = evict(large, toBytes)
    await sleep(100)
    const sample = await measure(large, manifest)
    const isOver = await Promise.race([pass.then(() => true), sleep(0, false)])
    if (isOver) throw new Error('the pass was over before it was measured')
    const images = await pass
    return { ...sample, imagesPerSecond: (images * 1000) / (performance.now() - startMs) }
  })
  const peakMib = large.peakRssBytes / MIB
  const cost = (name: keyof typeof costs.small) =>
    median(costs.large[name]) / median(costs.small[name])
  return {
    title: 'Eviction under load',
    method: `A mirror that holds ${LARGE.toLocaleString('en')} contents in 100,000 images, on a file store with a file for each, evicts an image after the other while ${CONNECTIONS} connections ask for one warm manifest; windows of ${plan.windowMs / 1000} s in turn with and without a pass, each of which frees ${FREED_EACH * 100} %. Costs are CPU of the server for a warm request, against a mirror of ${SMALL.toLocaleString('en')} contents.`,
    head: ['', 'requests/s', 'p99, ms', 'images evicted/s'],
    rows: [
      ['quiet', spread(passes.quiet.requestsPerSecond, 0), spread(passes.quiet.p99Ms, 2), ''],
      [
        'evicting',
        spread(passes.evicting.requestsPerSecond, 0),
        spread(passes.evicting.p99Ms, 2),
        spread(passes.evicting.imagesPerSecond, 0),
      ],
    ],
    targets: [
      atMost(
        'p99 of warm manifests while evicting / while not',
        1.5,
        median(passes.evicting.p99Ms) / median(passes.quiet.p99Ms),
      ),
      atMost(
        'start with 1,000,000 contents / with none',
        2,
        median(starts.large.ms) / median(starts.empty.ms),
      ),
      atMost(
        'warm manifest, CPU at 1,000,000 / at 1,000 contents',
        1.1,
        cost('manifestMicroseconds'),
      ),
      atMost('warm blob, CPU at 1,000,000 / at 1,000 contents', 1.1, cost('blobMicroseconds')),
      atMost('memory for each content', 100, perEntryBytes, ' bytes'),
      atMost('peak RSS with 1,000,000 contents, a pass included', 250, peakMib, ' MiB'),
    ],
    samples: { starts, costs, passes, perEntryBytes, peakMib },
  }
}

type FolderName = 'empty' | 'small' | 'large'

/** Folders of servers with as many contents as their names say. */
class Folders implements AsyncDisposable {
  readonly #path = fileURLToPath(new URL('../../../build/bench/eviction-load/', import.meta.url))

  static async make(): Promise<Folders> {
    const folders = new Folders()
    await folders[Symbol.asyncDispose]()
    for (const [name, contents] of [
      ['small', SMALL],
      ['large', LARGE],
    ] as const) {
      const data = join(folders.#path, name, 'data')
      await mkdir(data, { recursive: true })
      const inventory = join(data, 'inventory.db')
      await fillInventory(inventory, contents)
      await fillStore(join(data, 'blobs'), inventory)
      await skipScrub(inventory)
    }
    return folders
  }

  /** An empty folder is a new one each time. */
  async start(name: FolderName, upstream: UpstreamProcess): Promise<Server> {
    const folder = join(this.#path, name)
    if (name === 'empty') await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    return Server.start('entrepot', upstream.url, { folder, config: CONFIG })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { recursive: true, force: true })
  }
}

/** The files have holes for bytes, which scrubbing would find. */
async function skipScrub(inventoryPath: string): Promise<void> {
  await using inventory = await openSqliteInventory(inventoryPath)
  const atMs = Date.now()
  await inventory.putJobState('scrub.run', { startedAtMs: atMs, endedAtMs: atMs, result: {} })
}

/** Waits until the jobs that begin with the start have ended. */
async function untilIdle(server: Server): Promise<void> {
  for (;;) {
    const { jobs } = await ask<JobList>(server, 'jobs')
    if (jobs.every(({ isRunning, lastRun }) => !isRunning && lastRun)) return
    await sleep(1000)
  }
}

function jobsOf({ repository, digest, blobs }: BenchImage, { windowMs }: Plan) {
  const job = { method: 'GET', connections: CONNECTIONS, windowMs } as const
  return {
    manifest: { ...job, path: `/v2/${repository}/manifests/${digest}`, headers: ACCEPT },
    blob: { ...job, path: `/v2/${repository}/blobs/${blobs.at(-1)}`, headers: '' },
  }
}

async function measure({ port }: Server, job: Omit<LoadJob, 'port'>) {
  const { requests, seconds, p99Ms } = await load({ ...job, port })
  return { requestsPerSecond: requests / seconds, p99Ms, imagesPerSecond: 0 }
}

async function cpuMicroseconds(server: Server, job: Omit<LoadJob, 'port'>): Promise<number> {
  const before = server.cpuSeconds
  const { requests } = await load({ ...job, port: server.port })
  return ((server.cpuSeconds - before) * 1e6) / requests
}

/** Returns how many images went. */
async function evict(server: Server, toBytes: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${server.adminPort}/api/v1/evict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ toBytes }),
  })
  const last = (await answer.text()).trimEnd().split('\n').at(-1) ?? ''
  const { result } = JSON.parse(last) as { result?: { images: number } }
  if (!result) throw new Error(`eviction failed: ${last}`)
  return result.images
}

function statsOf(server: Server): Promise<Stats> {
  return ask(server, 'stats')
}

async function ask<Body>(server: Server, path: string): Promise<Body> {
  const answer = await fetch(`http://127.0.0.1:${server.adminPort}/api/v1/${path}`)
  return (await answer.json()) as Body
}
