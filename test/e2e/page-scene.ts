import type { Inventory } from '../../src/inventory/inventory.ts'
import { type Sample, SPAN_MS, SPANS_KEPT_MS } from '../../src/inventory/span.ts'
import { type LiveMirror, startLiveMirror } from '../http/admin/live-mirror.ts'
import { eventually } from '../support/eventually.ts'
import { buildImage } from '../support/images.ts'
import { seededRandom } from '../support/seeded-random.ts'

const MIB = 1024 * 1024
const HOUR_MS = SPAN_MS.hour

/** What the mirror holds, how much each of its two layers has, and when it was used last. */
const IMAGES = [
  ['library/node:22-slim', 4.1, 9 * 60_000],
  ['library/postgres:17', 5.2, 26 * 60_000],
  ['library/python:3.13-slim', 2.4, 3 * HOUR_MS],
  ['library/alpine:3', 0.9, 0],
  ['library/nginx:1.29', 2.2, 11 * HOUR_MS],
  ['grafana/grafana:12.1.0', 3.6, 52 * HOUR_MS],
  ['library/redis:8', 1.7, 75 * HOUR_MS],
  ['library/node:20-bookworm', 4.7, 218 * HOUR_MS],
] as const

/** What is on its way, in one layer, and how many bytes come in a second: for minutes. */
const FILLS = [
  ['library/golang:1.25', 32, 120_000],
  ['library/eclipse-temurin:21', 40, 150_000],
] as const

/** A mirror with a past, with content, and with content on its way for as long as it is there. */
export async function startScene(): Promise<LiveMirror> {
  await using parts = new AsyncDisposableStack()
  const mirror = parts.use(
    await startLiveMirror(
      { ENTREPOT_EVICTION__MAX_SIZE: '160MiB' },
      { hub: { rateLimit: { limit: 100, windowSeconds: 6 * 60 * 60 } }, record: writePast },
    ),
  )
  await mirror.ask('pins', { method: 'POST', body: { pattern: 'library/postgres:17' } })
  let ageMs = Math.max(...IMAGES.map(([, , usedAgoMs]) => usedAgoMs))
  for (const [name, layerMib, usedAgoMs] of IMAGES.toSorted((a, b) => b[2] - a[2])) {
    await mirror.age(ageMs - usedAgoMs)
    ageMs = usedAgoMs
    await mirror.pull(
      name,
      await buildImage({ seed: name, layerBytes: Math.round(layerMib * MIB) }),
    )
  }
  const leaving = new AbortController()
  parts.defer(() => leaving.abort())
  for (const [name, layerMib, bytesPerSecond] of FILLS) {
    const [repository = '', tag = ''] = name.split(':')
    const image = await buildImage({ seed: name, layerBytes: layerMib * MIB, layers: 1 })
    mirror.hub.add(repository, tag, image)
    const [layer] = [...image.blobs].find(([, bytes]) => bytes.length > MIB) ?? []
    mirror.hub.fault(
      { server: 'cdn', path: new RegExp(encodeURIComponent(layer ?? '')) },
      { kind: 'slow', bytesPerSecond },
    )
    await fetch(`${mirror.url}/v2/${repository}/manifests/${tag}`)
    void pullUntilLeft(`${mirror.url}/v2/${repository}/blobs/${layer}`, leaving.signal)
  }
  await eventually('all are on their way', async () => {
    return (await mirror.stats()).fills.length === FILLS.length
  })
  const running = parts.move()
  return { ...mirror, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function pullUntilLeft(url: string, signal: AbortSignal): Promise<void> {
  try {
    const response = await fetch(url, { signal })
    await response.arrayBuffer()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** A Wednesday afternoon: whenever the page is looked at, much was going on just before. */
const MEANT_NOW_MS = Date.UTC(2026, 10, 18, 15)

/** A quarter in which a team came to like its mirror, with nights and weekends. */
async function writePast(inventory: Inventory): Promise<void> {
  const random = seededRandom(7)
  const nowMs = Date.now()
  const startMs = nowMs - SPANS_KEPT_MS.hour + HOUR_MS
  for (let atMs = startMs; atMs < nowMs - SPAN_MS.minute;) {
    const stepMs = stepAt(nowMs - atMs)
    const progress = (atMs - startMs) / (nowMs - startMs)
    await inventory.addSample(sampleOf(atMs, stepMs, progress, random))
    atMs += stepMs
  }
}

/** What is far away need not be told in detail. */
function stepAt(agoMs: number): number {
  if (agoMs > 7 * 24 * HOUR_MS) return 4 * HOUR_MS
  if (agoMs > SPANS_KEPT_MS.minute) return HOUR_MS
  return agoMs > HOUR_MS ? 5 * SPAN_MS.minute : SPAN_MS.minute
}

function sampleOf(atMs: number, stepMs: number, progress: number, random: () => number): Sample {
  const date = new Date(MEANT_NOW_MS - (Date.now() - atMs))
  const hour = date.getUTCHours() + date.getUTCMinutes() / 60
  const isWeekend = date.getUTCDay() === 0 || date.getUTCDay() === 6
  const work = Math.exp(-(((hour - 13) / 4.2) ** 2)) * (isWeekend ? 0.15 : 1) + 0.06
  const pulls = Math.round((work * stepMs * (0.6 + 0.8 * random())) / 6_000)
  const ratio = 0.58 + 0.32 * Math.min(1, progress * 3) + 0.12 * (random() - 0.5)
  const hit = Math.round(pulls * Math.min(0.98, ratio))
  return {
    atMs,
    pulls: { hit, miss: pulls - hit, join: 0, stale: 0, bypass: 0 },
    bytes: { served: pulls * 9 * MIB, fetched: (pulls - hit) * 9 * MIB },
    storeBytes: 50 * MIB,
    budgets: [],
  }
}
