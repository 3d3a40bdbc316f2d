import type { ContentName, TagRecord, TagSighting } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { formatReference, type TagReference } from '../oci/reference.ts'
import type { Outcome, PullOptions, Resolved } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { Absences } from './absences.ts'
import type { Freezes } from './freezes.ts'
import type { Holdings } from './holdings.ts'
import { answerInTime } from './patience.ts'
import { RefreshAhead } from './refresh-ahead.ts'
import { freshnessOf, isSpared, type TagPolicy } from './tag-freshness.ts'
import { TagMoves, type Obtain, type TagMove } from './tag-moves.ts'
import { TagRecords } from './tag-records.ts'

/** What is asked ahead is waited for to its end, which comes early when the mirror stops. */
const NEVER = new AbortController().signal

export interface TagsOptions {
  registry: string
  holdings: Holdings
  absences: Absences
  policy: TagPolicy
  freezes: Freezes
  /** Whether upstream is asked only for what a client waits for. */
  isLow: () => boolean
  /** Whether upstream answers, as far as is known. */
  isUp: () => boolean
  /** Asks upstream what a tag stands for, without fetching it; `undefined` where it has no such tag. */
  ask: (ref: TagReference) => Promise<Descriptor | undefined>
  /** Has a manifest, so that it can be served; `undefined` where upstream does not have it. */
  fetch: (ref: TagReference, descriptor: Descriptor) => Promise<Descriptor | undefined>
  /** For a tag that nobody pulls at the moment. */
  looking: (ref: TagReference) => TagQuestions
  clock: Clock
  events: Events
  /** Ends what is asked ahead. */
  signal: AbortSignal
}

export interface TagQuestions {
  /** Asks upstream for a tag that is not known. */
  first: () => Promise<Descriptor | undefined>
  /** Has what one that is known has moved to, before that counts. */
  moved: TagMove['obtain']
  /** Has what one that is held is still served as. */
  held: Obtain
}

/** What tags of one upstream stand for: as last checked while that is fresh, else as upstream says. */
export class Tags implements AsyncDisposable {
  readonly #options: TagsOptions
  readonly #records: TagRecords
  readonly #moves: TagMoves
  readonly #flights = new SingleFlight<Descriptor | undefined>()
  readonly #ahead: RefreshAhead | undefined

  constructor(options: TagsOptions) {
    this.#options = options
    const { registry, policy, clock, events, isLow, isUp } = options
    const records = new TagRecords(options)
    this.#records = records
    this.#moves = new TagMoves({ registry, records, policy, events: events.tags })
    if (!policy.refreshAhead) return
    this.#ahead = new RefreshAhead({
      freshForMs: policy.freshForMs,
      clock,
      isAllowed: () => isUp() && !isLow(),
      check: (ref) => this.#checkAhead(ref),
    })
  }

  /** The outcome says how the tag itself was answered. Throws what upstream throws where nothing may stand in. */
  async resolve(
    ref: TagReference,
    questions: TagQuestions,
    { signal }: PullOptions,
  ): Promise<Resolved | undefined> {
    const { clock, policy, absences, isLow } = this.#options
    const key = formatReference(ref)
    const record = await this.#records.get(ref)
    if (record && freshnessOf(record, policy, clock.now()) === 'fresh') {
      this.#ahead?.used(key)
      return { descriptor: record.descriptor, outcome: 'hit' }
    }
    if (record && isLow() && isSpared(record, policy, clock.now())) {
      return this.#stale(ref, record)
    }
    if (absences.has(key)) return record && this.#whenAbsent(ref, record)
    if (!record) {
      const flight = await this.#flights.run(key, signal, () =>
        this.#ask(ref, undefined, questions),
      )
      return flight.value && { descriptor: flight.value, outcome: missOf(flight) }
    }
    return this.#revalidate(ref, record, questions, signal)
  }

  /** See TagMoves.heldUntil. */
  heldUntil(ref: TagReference, sighting: TagSighting): number | undefined {
    return this.#moves.heldUntil(ref, sighting)
  }

  /**
   * Asks upstream about a tag, and serves it as this digest, whatever its hold, where that is what
   * it stands for. Returns what it is served as; throws what upstream throws.
   */
  async release(
    ref: TagReference,
    digest: Digest,
    { signal }: PullOptions,
  ): Promise<Descriptor | undefined> {
    const { looking, fetch } = this.#options
    const questions: TagQuestions = { ...looking(ref), moved: (to) => fetch(ref, to) }
    for (;;) {
      const record = await this.#records.get(ref)
      const flight = await this.#flights.run(formatReference(ref), signal, () =>
        this.#ask(ref, record, questions, digest),
      )
      // One that was under way knew nothing of the release.
      if (!flight.joined) return flight.value
    }
  }

  /** A tag is frozen no longer. */
  unfreeze(ref: TagReference): Promise<void> {
    return this.#records.unfreeze(ref)
  }

  /** Tags are not known any more. */
  forget(names: ContentName[]): void {
    this.#records.forget(names)
  }

  /** Waits for what is asked ahead. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ahead?.[Symbol.asyncDispose]()
  }

  async #revalidate(
    ref: TagReference,
    record: TagRecord,
    questions: TagQuestions,
    signal: AbortSignal,
  ): Promise<Resolved | undefined> {
    const { clock, policy, registry } = this.#options
    const key = formatReference(ref)
    const isExpired = freshnessOf(record, policy, clock.now()) === 'expired'
    const asked = this.#flights.run(key, signal, () => this.#ask(ref, record, questions))
    try {
      const flight = await (isExpired ? asked : answerInTime(asked, registry, clock))
      if (!flight.value) return await this.#whenAbsent(ref, record)
      const isUnchanged = flight.value.digest === record.descriptor.digest
      return { descriptor: flight.value, outcome: isUnchanged ? 'hit' : missOf(flight) }
    } catch (error) {
      if (!(error instanceof UpstreamError) || !error.transient || isExpired) throw error
      this.#reportFailed(ref, error)
      return this.#stale(ref, record)
    }
  }

  /** By the same flight as the clients, so that they share one question. */
  async #checkAhead(ref: TagReference): Promise<void> {
    const { looking, signal } = this.#options
    const key = formatReference(ref)
    const known = await this.#records.get(ref)
    if (!known || signal.aborted || this.#records.isFrozen(ref)) return
    try {
      await this.#flights.run(key, NEVER, () => this.#ask(ref, known, looking(ref)))
    } catch (error) {
      if (!signal.aborted) this.#reportFailed(ref, error)
    }
  }

  async #ask(
    ref: TagReference,
    record: TagRecord | undefined,
    { first, moved, held }: TagQuestions,
    released?: Digest,
  ): Promise<Descriptor | undefined> {
    const { clock, absences, ask } = this.#options
    const key = formatReference(ref)
    // Before it is asked: the answer may be from any time since.
    const checkedAtMs = clock.now()
    const from = record?.descriptor ?? (await this.#moves.formerly(ref))
    const seen = await (from ? ask(ref) : first())
    const move = { ref, from, atMs: checkedAtMs, obtain: moved, retain: held, released }
    const descriptor = seen && (await this.#moves.settle({ ...move, to: seen }))
    if (!descriptor) {
      absences.add(key)
      return undefined
    }
    this.#ahead?.checked(key, ref, checkedAtMs)
    await this.#records.see(ref, seen, { descriptor, checkedAtMs })
    return descriptor
  }

  /** Upstream no longer has a tag that was known. */
  async #whenAbsent(ref: TagReference, record: TagRecord): Promise<Resolved | undefined> {
    const { policy, clock } = this.#options
    const isServed =
      policy.onAbsent === 'serve' || freshnessOf(record, policy, clock.now()) !== 'expired'
    if (isServed) return { descriptor: record.descriptor, outcome: 'stale' }
    await this.#records.drop(ref)
    return undefined
  }

  /** Upstream is not asked, or cannot answer. */
  #stale({ repository, tag }: TagReference, { descriptor, checkedAtMs }: TagRecord): Resolved {
    const { registry, clock, events } = this.#options
    const ageMs = clock.now() - checkedAtMs
    events.servedStale({ upstream: registry, repository, tag, ageMs })
    return { descriptor, outcome: 'stale' }
  }

  #reportFailed({ repository, tag }: TagReference, error: unknown): void {
    const { registry, events } = this.#options
    events.revalidationFailed({ upstream: registry, repository, tag, error })
  }
}

function missOf({ joined }: { joined: boolean }): Outcome {
  return joined ? 'join' : 'miss'
}
