import { seededRandom } from '../../support/seeded-random.ts'

const MIB = 1024 * 1024
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const DAYS = 120
const BASES = 40
const REPOSITORIES = 600
const EVERYDAY_PULLS = 60_000
const SCAN_IMAGES = 3_000

export interface TraceShape {
  /** Of Zipf's law: the larger, the more pulls the most popular repositories get. */
  exponent: number
  bursts: number
  oneOffPulls: number
  scanDays: readonly number[]
}

export const USUAL_SHAPE: TraceShape = {
  exponent: 0.9,
  bursts: 500,
  oneOffPulls: 6_000,
  scanDays: [60],
}

export interface Pull {
  atMs: number
  image: TraceImage
  /** The client has the base layers already, and asks for the rest alone. */
  hasBase: boolean
}

export interface TraceImage {
  /** Indexes of `blobBytes`: its manifest, its config and its own layers. */
  own: number[]
  /** Those of the layers that it shares with other images. */
  base: number[]
}

export interface Trace {
  /** In order of time. */
  pulls: Pull[]
  /** The size of each blob; a manifest is one here. */
  blobBytes: number[]
  /** Of everything that is pulled, each blob counted once. */
  uniqueBytes: number
}

/**
 * Four months of a team's pulls. Repositories have Zipf's popularity; their tags move on every few
 * days or months, and one pull in four asks for an older version. Their images share base layers,
 * which are rebuilt every few weeks. CI pulls an image up to a hundred times within minutes, half
 * of the time one that nobody pulls again. People try images once, and some nights a scanner pulls
 * three thousand that nobody else wants.
 */
export function buildTrace(seed: number, shape: TraceShape): Trace {
  const builder = new TraceBuilder(seed, shape.exponent)
  const pulls = [
    ...builder.everydayPulls(),
    ...builder.bursts(shape.bursts),
    ...builder.oneOffPulls(shape.oneOffPulls),
    ...shape.scanDays.flatMap((day) => builder.scan(day)),
  ].sort((a, b) => a.atMs - b.atMs)
  const { blobBytes } = builder
  const pulled = new Set(pulls.flatMap(({ image }) => [...image.own, ...image.base]))
  const uniqueBytes = [...pulled].reduce((sum, blob) => sum + blobBytes[blob]!, 0)
  return { pulls, blobBytes, uniqueBytes }
}

interface Base {
  periodMs: number
  phase: number
  layers: number
  medianBytes: number
  versions: Map<number, number[]>
}

interface TraceRepository {
  base: Base
  periodMs: number
  phase: number
  layers: number
  medianBytes: number
  versions: Map<number, TraceImage>
}

class TraceBuilder {
  readonly blobBytes: number[] = []
  readonly #random: () => number
  readonly #bases: Base[]
  readonly #repositories: TraceRepository[]
  readonly #popularBase: () => number
  readonly #popularRepository: () => number

  constructor(seed: number, exponent: number) {
    this.#random = seededRandom(seed)
    this.#popularBase = this.#zipf(BASES, 1)
    this.#popularRepository = this.#zipf(REPOSITORIES, exponent)
    this.#bases = Array.from({ length: BASES }, () => ({
      periodMs: this.#between(14, 74) * DAY_MS,
      phase: this.#random(),
      layers: this.#whole(1, 3),
      medianBytes: this.#bytes(25 * MIB, 0.6),
      versions: new Map<number, number[]>(),
    }))
    this.#repositories = Array.from({ length: REPOSITORIES }, () => ({
      base: this.#bases[this.#popularBase()]!,
      // From three days to three months, as many of each magnitude.
      periodMs: 3 * 30 ** this.#random() * DAY_MS,
      phase: this.#between(0, 3),
      layers: this.#whole(1, 6),
      medianBytes: this.#bytes(8 * MIB, 0.5),
      versions: new Map<number, TraceImage>(),
    }))
  }

  everydayPulls(): Pull[] {
    return Array.from({ length: EVERYDAY_PULLS }, () => {
      const atMs = this.#workingTime()
      return { atMs, image: this.#popularImage(atMs), hasBase: this.#random() < 0.3 }
    })
  }

  bursts(count: number): Pull[] {
    return Array.from({ length: count }, () => {
      const startMs = this.#workingTime()
      const image =
        this.#random() < 0.5 ? this.#popularImage(startMs) : this.#newImage(startMs, 10 * MIB)
      const spanMs = this.#between(2, 22) * MINUTE_MS
      return Array.from({ length: this.#whole(10, 99) }, () => ({
        atMs: startMs + this.#random() * spanMs,
        image,
        hasBase: false,
      }))
    }).flat()
  }

  oneOffPulls(count: number): Pull[] {
    return Array.from({ length: count }, () => {
      const atMs = this.#workingTime()
      return { atMs, image: this.#newImage(atMs, 8 * MIB), hasBase: false }
    })
  }

  /** From two to ten in the morning. */
  scan(day: number): Pull[] {
    return Array.from({ length: SCAN_IMAGES }, (_, index) => {
      const atMs = day * DAY_MS + (2 + (8 * index) / SCAN_IMAGES) * HOUR_MS
      return { atMs, image: this.#newImage(atMs, 8 * MIB), hasBase: false }
    })
  }

  #popularImage(atMs: number): TraceImage {
    return this.#imageAt(this.#repositories[this.#popularRepository()]!, atMs)
  }

  #imageAt(repository: TraceRepository, atMs: number): TraceImage {
    const { periodMs, phase, versions, base, layers, medianBytes } = repository
    const version = Math.floor(atMs / periodMs + phase) - this.#versionsBack()
    const known = versions.get(version)
    if (known) return known
    const builtAtMs = (version - phase) * periodMs
    const image = this.#build(this.#baseAt(base, builtAtMs), layers, medianBytes)
    versions.set(version, image)
    return image
  }

  #versionsBack(): number {
    if (this.#random() < 0.75) return 0
    let back = 1
    while (back < 8 && this.#random() < 0.6) back++
    return back
  }

  /** One that belongs to no repository of those that are pulled from every day. */
  #newImage(atMs: number, medianBytes: number): TraceImage {
    const base = this.#baseAt(this.#bases[this.#popularBase()]!, atMs)
    return this.#build(base, this.#whole(1, 5), medianBytes)
  }

  #baseAt({ periodMs, phase, layers, medianBytes, versions }: Base, atMs: number): number[] {
    const version = Math.floor(atMs / periodMs + phase)
    const known = versions.get(version)
    if (known) return known
    const blobs = Array.from({ length: layers }, () => this.#blob(medianBytes / layers, 0.3))
    versions.set(version, blobs)
    return blobs
  }

  #build(base: number[], layers: number, medianBytes: number): TraceImage {
    const own = [this.#blob(3_000, 0.3), this.#blob(6_000, 0.5)]
    for (let layer = 0; layer < layers; layer++) own.push(this.#blob(medianBytes, 1.2))
    return { own, base }
  }

  #blob(medianBytes: number, spread: number): number {
    return this.blobBytes.push(this.#bytes(medianBytes, spread)) - 1
  }

  /** Mostly by day, and little at weekends. */
  #workingTime(): number {
    for (;;) {
      const day = this.#whole(0, DAYS - 1)
      if (day % 7 >= 5 && this.#random() < 0.7) continue
      const hour = this.#random() < 0.7 ? this.#between(8, 18) : this.#between(0, 24)
      return day * DAY_MS + hour * HOUR_MS
    }
  }

  /** Sizes have a lognormal distribution. */
  #bytes(medianBytes: number, spread: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random()))
    const normal = radius * Math.cos(2 * Math.PI * this.#random())
    return Math.ceil(medianBytes * Math.exp(spread * normal))
  }

  /** Picks a rank from 0; that of rank n is (n + 1) ** exponent times as rare as the first. */
  #zipf(count: number, exponent: number): () => number {
    let total = 0
    const sums = Array.from({ length: count }, (_, rank) => (total += (rank + 1) ** -exponent))
    return () => {
      const at = this.#random() * total
      return sums.findIndex((sum) => at < sum)
    }
  }

  #between(least: number, most: number): number {
    return least + this.#random() * (most - least)
  }

  #whole(least: number, most: number): number {
    return Math.floor(this.#between(least, most + 1))
  }
}
