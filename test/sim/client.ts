import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { rangeLength, UnsatisfiableRangeError, type RangeSpec } from '../../src/oci/range.ts'
import type { Reference, Repository, Tag } from '../../src/oci/reference.ts'
import type { Blob, Manifest } from '../../src/oci/source.ts'
import { UpstreamError } from '../../src/oci/upstream-error.ts'
import type { Image } from './content.ts'
import { Killed, POLICY, type MirrorRun } from './mirror-run.ts'
import type { Round } from './round.ts'

/** The answer that a client gets may have been asked for by another so long before. */
const SLOWNESS_MS = 600_000

class Left extends Error {}

/** crawl: reads a little and then nothing until everybody else is done. */
const MANNERS = ['eager', 'eager', 'steady', 'steady', 'slow', 'leave', 'crawl'] as const

/** How many turns of others go by before each read. */
const PAUSES = { eager: 0, steady: 1, slow: 20, leave: 1, crawl: 1 }

/** A client that pulls what it likes, in its own manner, and judges each answer. */
export class Client {
  readonly #round: Round
  readonly #manner: (typeof MANNERS)[number]
  #run!: MirrorRun
  #leaving = new AbortController()

  constructor(round: Round) {
    this.#round = round
    this.#manner = round.dice.pick(MANNERS)
  }

  async act(): Promise<void> {
    const { dice } = this.#round
    for (let pulls = dice.int(1, 4); pulls > 0; pulls--) {
      await this.#pause()
      this.#run = await this.#round.serving()
      this.#leaving = new AbortController()
      const leaving = this.#leaving
      const end = this.#round.begin(() => leaving.abort(new Left()))
      try {
        await this.#run.answer(this.#pullSomething())
      } catch (error) {
        this.#judge(error)
      } finally {
        end()
      }
    }
  }

  #judge(error: unknown): void {
    if (error instanceof Left || error instanceof Killed) return
    const isTrouble = error instanceof UpstreamError || error instanceof UnsatisfiableRangeError
    if (isTrouble && this.#round.plan.upstreamFaults === 'all') return
    throw error
  }

  #pullSomething(): Promise<void> {
    const kind = this.#round.dice.int(1, 5)
    if (kind === 1) return this.#look()
    if (kind === 2) return this.#pullRange()
    if (kind === 3) return this.#pullBlob()
    return this.#pullImage()
  }

  /** An image by tag or digest, then everything it names, as a client does. */
  async #pullImage(): Promise<void> {
    const { dice, world } = this.#round
    const repository = dice.pick(world.repositories)
    if (dice.chance(0.5)) return this.#pullManifest(repository, dice.pick(world.images))
    const tag = dice.pick(world.tags)
    const startMs = this.#run.clock.now()
    const ref = { kind: 'tag', repository, tag } as const
    if (dice.chance(0.3)) await this.#run.mirror.resolve(ref, this.#options())
    const manifest = await this.#run.mirror.manifest(ref, this.#options())
    if (!manifest) throw new Error(`${tag} is absent`)
    this.#checkManifest(manifest)
    this.#checkTag(tag, manifest, startMs)
    const image = world.images.find(({ root }) => root.digest === manifest.descriptor.digest)
    return this.#pullContent(repository, image!)
  }

  async #pullManifest(repository: Repository, image: Image): Promise<void> {
    const { digest } = image.root
    const ref: Reference = { kind: 'digest', repository, digest }
    const manifest = await this.#run.mirror.manifest(ref, this.#options())
    if (manifest?.descriptor.digest !== digest) throw new Error(`${digest} is absent or another`)
    this.#checkManifest(manifest)
    await this.#pullContent(repository, image)
  }

  async #pullContent(repository: Repository, image: Image): Promise<void> {
    const { dice } = this.#round
    if (image.children.length > 0) return this.#pullManifest(repository, dice.pick(image.children))
    // As clients do: several at once.
    const blobs = image.blobs.map((digest) => this.#pull(repository, digest))
    const results = await Promise.allSettled(blobs)
    for (const result of results) if (result.status === 'rejected') this.#judge(result.reason)
  }

  async #pullBlob(): Promise<void> {
    const { dice, world } = this.#round
    await this.#pull(dice.pick(world.repositories), dice.pick([...world.blobs.keys()]))
  }

  async #pullRange(): Promise<void> {
    const { dice, world } = this.#round
    const [digest, bytes] = dice.pick([...world.blobs])
    if (bytes.length === 0) return
    const first = dice.int(0, bytes.length - 1)
    const range = dice.pick<RangeSpec>([
      { first },
      { first, last: first + dice.int(0, 100_000) },
      { suffixBytes: first + 1 },
    ])
    await this.#pull(world.repositories[0], digest, range)
  }

  async #look(): Promise<void> {
    const { dice, world } = this.#round
    const repository = dice.pick(world.repositories)
    const { root } = dice.pick(world.images)
    const ref: Reference = { kind: 'digest', repository, digest: root.digest }
    const resolved = await this.#run.mirror.resolve(ref, this.#options())
    if (resolved?.descriptor.digest !== root.digest) throw new Error(`HEAD gave another manifest`)
    const [digest, bytes] = dice.pick([...world.blobs])
    const stat = await this.#run.mirror.statBlob(world.repositories[0], digest, this.#options())
    if (stat?.descriptor.sizeBytes === bytes.length) return
    if (this.#round.plan.upstreamFaults === 'all') return
    throw new Error(`HEAD gave ${stat?.descriptor.sizeBytes} for ${bytes.length} bytes`)
  }

  async #pull(repository: Repository, digest: Digest, range?: RangeSpec): Promise<void> {
    const { mirror } = this.#run
    const options = this.#options()
    const blob = await mirror.blob(repository, digest, range ? { ...options, range } : options)
    const isAbsent = this.#round.isAbsent(repository, digest)
    if (!blob && !isAbsent) throw new Error(`${digest} is absent`)
    if (blob && isAbsent && !this.#round.plan.isPublic) {
      throw new Error(`${digest} was given out through a repository that does not have it`)
    }
    if (blob) await this.#read(blob, range !== undefined)
  }

  /** Reads to the end, and then also what comes after an error or a wrong end. */
  async #read(blob: Blob, isRange: boolean): Promise<void> {
    const { dice, plan } = this.#round
    const run = this.#run
    const part = Buffer.alloc(dice.pick([5000, 65_536, 262_144]))
    const parts: Buffer[] = []
    const isLeaving = this.#manner === 'leave'
    try {
      for (let reads = 0; ; reads++) {
        await this.#pause()
        if (!run.isAlive) return
        if (this.#manner === 'crawl' && reads === 1)
          await this.#round.crawl(this, this.#leaving.signal)
        if (isLeaving && dice.chance(0.2)) return await this.#leave(blob, part)
        const count = await blob.body.read(part)
        if (count === 0) break
        parts.push(Buffer.from(part.subarray(0, count)))
      }
    } finally {
      const received = Buffer.concat(parts)
      const isComplete = received.length >= rangeLength(blob.range)
      if (isComplete && !(isRange && plan.upstreamFaults === 'all')) this.#checkBlob(blob, received)
      if (run.isAlive) await blob.body[Symbol.asyncDispose]()
    }
    const length = Buffer.concat(parts).length
    if (length !== rangeLength(blob.range)) throw new Error(`ended after ${length} bytes`)
  }

  async #leave(blob: Blob, part: Buffer): Promise<void> {
    const { dice } = this.#round
    const reading = Promise.allSettled(dice.chance(0.5) ? [blob.body.read(part)] : [])
    if (dice.chance(0.5)) this.#leaving.abort(new Left())
    else await blob.body[Symbol.asyncDispose]()
    await reading
  }

  #checkManifest({ bytes, descriptor }: Manifest): void {
    if (digestOf(bytes) !== descriptor.digest) throw new Error(`wrong ${descriptor.digest}`)
  }

  #checkTag(tag: Tag, manifest: Manifest, startMs: number): void {
    const history = this.#round.upstream.history.get(tag)!
    const mayBeOldMs = manifest.outcome === 'stale' ? Infinity : POLICY.freshForMs + SLOWNESS_MS
    const sinceMs = startMs - mayBeOldMs
    const isRight = history.some(({ image }, index) => {
      const untilMs = history[index + 1]?.fromMs ?? Infinity
      return image.root.digest === manifest.descriptor.digest && untilMs >= sinceMs
    })
    if (!isRight) throw new Error(`${tag} is too old: ${manifest.outcome}`)
  }

  #checkBlob({ descriptor, range, outcome }: Blob, received: Buffer): void {
    const right = this.#round.world.blobs.get(descriptor.digest)!
    if (received.equals(right.subarray(range.first, range.last + 1))) return
    throw new Error(`wrong bytes of ${descriptor.digest} were given out whole, as ${outcome}`)
  }

  async #pause(): Promise<void> {
    const { scheduler } = this.#round
    for (let left = PAUSES[this.#manner]; left > 0; left--) {
      await scheduler.pause(this.#round, 'client')
    }
  }

  #options(): { signal: AbortSignal } {
    return { signal: this.#leaving.signal }
  }
}
