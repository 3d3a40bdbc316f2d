import { OCTET_STREAM } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { resolveRange, wholeRange } from '../../src/oci/range.ts'
import type { Reference, Repository, Tag } from '../../src/oci/reference.ts'
import type { ReferrerFilter } from '../../src/oci/referrers.ts'
import type {
  Blob,
  BlobOptions,
  Manifest,
  Page,
  PullOptions,
  ReferrerList,
  Resolved,
  Source,
  TagList,
} from '../../src/oci/source.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../src/oci/upstream-error.ts'
import { abortable } from '../../src/util/abortable.ts'
import type { ByteReader } from '../../src/util/byte-reader.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { Image, World } from './content.ts'
import type { Dice } from './dice.ts'
import type { Scheduler } from './scheduler.ts'

const OUTAGES = ['unreachable', 'timeout', 'server', 'rate-limited', 'token'] as const
const NO_PROGRESS_MS = 30_000
const PORTIONS = [1, 1000, 4096, 50_000, 65_536, 300_000]

/** hitches: transfers are cut and stall; all: also outages, refusals and wrong answers. */
export type UpstreamFaults = 'none' | 'hitches' | 'all'

/** The registry itself, which outlives every mirror that asks it. */
export class Upstream {
  readonly world: World
  readonly dice: Dice
  readonly scheduler: Scheduler
  readonly clock: () => Clock
  readonly faults: UpstreamFaults
  readonly history = new Map<Tag, { image: Image; fromMs: number }[]>()
  outage: UpstreamErrorKind | undefined

  constructor(parts: Pick<Upstream, 'world' | 'dice' | 'scheduler' | 'clock' | 'faults'>) {
    this.world = parts.world
    this.dice = parts.dice
    this.scheduler = parts.scheduler
    this.clock = parts.clock
    this.faults = parts.faults
    for (const tag of this.world.tags) this.move(tag)
  }

  /** Lets a tag stand for another image, or the same. */
  move(tag: Tag): void {
    const image = this.dice.pick(this.world.images)
    this.history.set(tag, [...(this.history.get(tag) ?? []), { image, fromMs: this.clock().now() }])
  }

  toggleOutage(): void {
    this.outage = this.outage ? undefined : this.dice.pick(OUTAGES)
  }

  /** Something that makes pulls fail. */
  fault(probability: number): boolean {
    return this.faults === 'all' && this.dice.chance(probability)
  }

  /** Something that no client may notice. */
  hitch(probability: number): boolean {
    return this.faults !== 'none' && this.dice.chance(probability)
  }
}

/** The registry as one process of the mirror sees it. */
export class UpstreamConnection implements Source {
  readonly #upstream: Upstream
  readonly #process: object
  /** GETs of each blob. */
  readonly gets = new Map<Digest, number>()
  readonly openBodies = new Map<Digest, number>()
  /** Where bodies of each blob have stalled last; nobody gives up for one stall. */
  readonly #stalledAt = new Map<Digest, number>()
  /** Questions that wait for their answer. */
  asking = 0
  /** The most bodies of one blob that were open at a time. */
  mostOpen = 0

  constructor(upstream: Upstream, process: object) {
    this.#upstream = upstream
    this.#process = process
  }

  async resolve(ref: Reference, { signal }: PullOptions): Promise<Resolved | undefined> {
    await this.#answer(`resolve ${ref.kind}`, signal)
    const manifest = this.#find(ref)
    return manifest && { descriptor: manifest.descriptor, outcome: 'bypass' }
  }

  async manifest(ref: Reference, { signal }: PullOptions): Promise<Manifest | undefined> {
    await this.#answer(`manifest ${ref.kind}`, signal)
    const manifest = this.#find(ref)
    return manifest && { ...manifest, outcome: 'bypass' }
  }

  async statBlob(
    repository: Repository,
    digest: Digest,
    { signal }: PullOptions,
  ): Promise<Resolved | undefined> {
    await this.#answer('statBlob', signal)
    const bytes = this.#bytes(repository, digest)
    return bytes && { descriptor: descriptorOf(digest, bytes.length), outcome: 'bypass' }
  }

  async blob(
    repository: Repository,
    digest: Digest,
    { signal, range: spec }: BlobOptions,
  ): Promise<Blob | undefined> {
    this.gets.set(digest, (this.gets.get(digest) ?? 0) + 1)
    await this.#answer('blob', signal)
    const bytes = this.#bytes(repository, digest)
    if (!bytes) return undefined
    const range = spec ? resolveRange(spec, bytes.length) : wholeRange(bytes.length)
    const lie = this.#upstream.fault(0.02) ? 1 : 0
    const body = new Body(this.#upstream, this.#process, bytes, range.first, signal, {
      onDispose: () => this.#count(digest, -1),
      mayStall: (position) => this.#mayStall(digest, position),
    })
    this.#count(digest, 1)
    return { descriptor: descriptorOf(digest, bytes.length + lie), range, body, outcome: 'bypass' }
  }

  tags(_: Repository, __: Page, { signal }: PullOptions): Promise<TagList> {
    const answer = this.#answer('tags', signal)
    return answer.then(() => ({ tags: this.#upstream.world.tags, hasMore: false }))
  }

  async referrers(
    _: Repository,
    __: Digest,
    ___: ReferrerFilter,
    { signal }: PullOptions,
  ): Promise<ReferrerList> {
    await this.#answer('referrers', signal)
    return { referrers: [], outcome: 'bypass' }
  }

  async #answer(question: string, signal: AbortSignal): Promise<void> {
    const { scheduler, dice, outage } = this.#upstream
    signal.throwIfAborted()
    this.asking++
    try {
      await abortable(scheduler.pause(this.#process, question), signal)
    } finally {
      this.asking--
    }
    const kind = outage ?? (this.#upstream.fault(0.05) ? dice.pick(OUTAGES) : undefined)
    if (kind) throw upstreamError(kind)
  }

  #find(ref: Reference): { descriptor: Resolved['descriptor']; bytes: Buffer } | undefined {
    const { world, history } = this.#upstream
    const digest = ref.kind === 'tag' ? history.get(ref.tag)?.at(-1)?.image.root.digest : ref.digest
    return digest && world.manifests.get(digest)
  }

  #bytes(repository: Repository, digest: Digest): Buffer | undefined {
    const { world } = this.#upstream
    const isExclusive = repository !== world.repositories[0] && world.exclusive.has(digest)
    return isExclusive ? undefined : world.blobs.get(digest)
  }

  #mayStall(digest: Digest, position: number): boolean {
    if (this.#stalledAt.get(digest) === position) return false
    this.#stalledAt.set(digest, position)
    return true
  }

  #count(digest: Digest, change: 1 | -1): void {
    const open = (this.openBodies.get(digest) ?? 0) + change
    if (open === 0) this.openBodies.delete(digest)
    else this.openBodies.set(digest, open)
    this.mostOpen = Math.max(this.mostOpen, open)
  }
}

interface BodyEvents {
  onDispose: () => void
  mayStall: (position: number) => boolean
}

class Body implements ByteReader {
  readonly #upstream: Upstream
  readonly #process: object
  readonly #bytes: Buffer
  readonly #signal: AbortSignal
  readonly #disposed = new AbortController()
  readonly #isWrong: boolean
  readonly #events: BodyEvents
  #position: number

  constructor(
    upstream: Upstream,
    process: object,
    bytes: Buffer,
    position: number,
    signal: AbortSignal,
    events: BodyEvents,
  ) {
    this.#upstream = upstream
    this.#process = process
    this.#bytes = bytes
    this.#position = position
    this.#signal = AbortSignal.any([signal, this.#disposed.signal])
    this.#events = events
    this.#isWrong = upstream.fault(0.1)
  }

  async read(into: Uint8Array): Promise<number> {
    const { scheduler, dice, outage, clock } = this.#upstream
    this.#signal.throwIfAborted()
    await abortable(scheduler.pause(this.#process, 'body'), this.#signal)
    if (this.#upstream.hitch(0.02) && this.#events.mayStall(this.#position)) {
      await clock().sleep(NO_PROGRESS_MS, this.#signal)
      throw upstreamError('timeout')
    }
    if (outage || this.#upstream.hitch(0.05)) throw upstreamError('unreachable')
    const portion = this.#bytes.subarray(this.#position, this.#position + dice.pick(PORTIONS))
    const part = portion.subarray(0, into.length)
    into.set(part)
    if (this.#isWrong && part.length > 0) into[dice.int(0, part.length - 1)]! ^= 1
    this.#position += part.length
    return part.length
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#disposed.signal.aborted) this.#events.onDispose()
    this.#disposed.abort(new Error('the body is disposed'))
    return Promise.resolve()
  }
}

function descriptorOf(digest: Digest, sizeBytes: number): Resolved['descriptor'] {
  return { mediaType: OCTET_STREAM, digest, sizeBytes }
}

function upstreamError(kind: UpstreamErrorKind): UpstreamError {
  const options = kind === 'rate-limited' ? { retryAfterMs: 5000 } : {}
  return new UpstreamError('docker.io', kind, `upstream: ${kind}`, options)
}
