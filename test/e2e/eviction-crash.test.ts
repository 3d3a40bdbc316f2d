import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { MirrorProcess } from '../support/mirror-process.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { pullWhole, startStage, type Published, type Stage } from './stage.ts'

const SEED = 20_261_122
const ROUNDS = 6
const MIB = 1024 * 1024
const EVICTION = { maxSize: '1MiB', highWatermark: 0.8, lowWatermark: 0.4, minFree: '1MiB' }
const HIGH_BYTES = MIB * EVICTION.highWatermark
const LOW_BYTES = MIB * EVICTION.lowWatermark
/** What is pulled beside a pass must not fill up what it frees. */
const PULLS_BESIDE = 8
const BESIDE_BYTES = PULLS_BESIDE * 12_000

describe('kill -9 while images are evicted', () => {
  it(`leaves no image with a part of it (seed ${SEED})`, { timeout: 120_000 }, async () => {
    const random = seededRandom(SEED)
    const eviction = { ...EVICTION, every: '100ms' }
    await using stage = await startStage({ config: { eviction } })
    const { hub, mirror } = stage
    const pulls = new Pulls(stage)
    let cutPasses = 0
    // Of a busy machine a pass may not be seen before it has ended.
    for (let round = 0; round < ROUNDS || cutPasses === 0; round++) {
      while ((await mirror.stats()).store.bytes <= HIGH_BYTES) await pulls.next()
      const before = await wholeImages(mirror)
      await mirror.later()
      const pulling = pulls.beside()
      const untilBytes = HIGH_BYTES - random() * (HIGH_BYTES - LOW_BYTES - BESIDE_BYTES)
      if (await isEvictingBelow(mirror, untilBytes)) cutPasses++
      pulls.stop()
      await mirror.crash()
      await pulling

      await mirror.restart()
      // After this nothing goes any more.
      for (const job of ['sweep', 'evict']) expect((await mirror.entrepot(job)).code).toBe(0)
      await hub.goDown()
      const after = await wholeImages(mirror)
      // An image has gone, or is all there; what was pulled meanwhile may have gone past the cache.
      for (const { repository } of await mirror.listed()) {
        if (before.has(repository)) expect(after).toContain(repository)
      }
      expect(after.size).toBeGreaterThan(0)
      for (const repository of after) await pullWhole(stage, pulls.get(repository))
      await hub.comeBack()
    }
  })
})

/** The repositories of which an image is listed with nothing missing. */
async function wholeImages(mirror: MirrorProcess): Promise<Set<string>> {
  const whole = (await mirror.listed()).filter(({ missingBytes }) => missingBytes === 0)
  return new Set(whole.map(({ repository }) => repository))
}

/** Resolves as soon as no more is held; whether eviction is still under way then. */
async function isEvictingBelow(mirror: MirrorProcess, bytes: number): Promise<boolean> {
  const { eviction } = await eventually('images were evicted', async () => {
    for (let asked = 0; asked < 20; asked++) {
      const stats = await mirror.stats()
      if (stats.store.bytes <= bytes) return stats
    }
    return undefined
  })
  return eviction.state === 'running'
}

/** Pulls of small images, each of which shares its base with every third. */
class Pulls {
  readonly #stage: Stage
  readonly #published = new Map<string, Published>()
  #isStopped = false

  constructor(stage: Stage) {
    this.#stage = stage
  }

  get(repository: string): Published {
    const published = this.#published.get(repository)
    if (!published) throw new Error(`${repository} was never published`)
    return published
  }

  async next(): Promise<void> {
    const base = `base ${this.#published.size % 3}`
    const published = await this.#stage.publish({ base, layerBytes: 8_000 })
    this.#published.set(`docker.io/${published.repository}`, published)
    await pullWhole(this.#stage, published)
  }

  /** Some, one after the other; the one that is under way at the stop may fail. */
  async beside(): Promise<void> {
    this.#isStopped = false
    try {
      for (let count = 0; count < PULLS_BESIDE && !this.#isStopped; count++) await this.next()
    } catch (cause) {
      if (!this.#isStopped) throw cause
    }
  }

  stop(): void {
    this.#isStopped = true
  }
}
