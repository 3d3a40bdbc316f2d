import type { ContentName, TagRecord } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { formatReference, type TagReference } from '../oci/reference.ts'
import type { Outcome, PullOptions, Resolved } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { Absences } from './absences.ts'
import type { Holdings } from './holdings.ts'
import { RefreshAhead } from './refresh-ahead.ts'
import { freshnessOf, isSpared, type TagPolicy } from './tag-freshness.ts'
import { TagRecords } from './tag-records.ts'

/** How long a client waits for upstream where a stale record could be served. */
const PATIENCE_MS = 10_000

export interface TagsOptions {
  registry: string
  holdings: Holdings
  absences: Absences
  policy: TagPolicy
  /** Whether upstream is asked only for what a client waits for. */
  isLow: () => boolean
  /** Whether upstream answers, as far as is known. */
  isUp: () => boolean
  /** Asks upstream about a tag, known as this digest, for which no client waits. */
  askAhead: (ref: TagReference, known: Digest) => Promise<Descriptor | undefined>
  clock: Clock
  events: Events
  /** Ends what is asked ahead. */
  signal: AbortSignal
}

/** Asks upstream what a tag stands for; `undefined` where it has no such tag. */
type AskUpstream = () => Promise<Descriptor | undefined>

export interface TagQuestions {
  /** For a tag that is not known. */
  first: AskUpstream
  /** For one that is, to see whether it has changed. */
  again: AskUpstream
}

/** What tags of one upstream stand for: as last checked while that is fresh, else as upstream says. */
export class Tags implements AsyncDisposable {
  readonly #options: TagsOptions
  readonly #records: TagRecords
  readonly #flights = new SingleFlight<Descriptor | undefined>()
  readonly #ahead: RefreshAhead | undefined

  constructor(options: TagsOptions) {
    this.#options = options
    this.#records = new TagRecords(options.registry, options.holdings)
    const { policy, clock, isLow, isUp } = options
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
        this.#ask(key, ref, questions.first),
      )
      return flight.value && { descriptor: flight.value, outcome: missOf(flight) }
    }
    return this.#revalidate(ref, record, questions.again, signal)
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
    ask: AskUpstream,
    signal: AbortSignal,
  ): Promise<Resolved | undefined> {
    const { clock, policy } = this.#options
    const key = formatReference(ref)
    const isExpired = freshnessOf(record, policy, clock.now()) === 'expired'
    const patience = new AbortController()
    try {
      const asked = this.#flights.run(key, signal, () => this.#ask(key, ref, ask))
      const flight = isExpired
        ? await asked
        : await Promise.race([asked, this.#outOfPatience(patience.signal)])
      if (!flight.value) return await this.#whenAbsent(ref, record)
      const isUnchanged = flight.value.digest === record.descriptor.digest
      return { descriptor: flight.value, outcome: isUnchanged ? 'hit' : missOf(flight) }
    } catch (error) {
      if (!(error instanceof UpstreamError) || !error.transient || isExpired) throw error
      this.#reportFailed(ref, error)
      return this.#stale(ref, record)
    } finally {
      patience.abort()
    }
  }

  /** By the same flight as the clients, so that they share one question. */
  async #checkAhead(ref: TagReference): Promise<void> {
    const { askAhead, signal } = this.#options
    const key = formatReference(ref)
    const known = await this.#records.get(ref)
    if (!known || signal.aborted) return
    const ask = () => askAhead(ref, known.descriptor.digest)
    try {
      await this.#flights.run(key, signal, () => this.#ask(key, ref, ask))
    } catch (error) {
      if (!signal.aborted) this.#reportFailed(ref, error)
    }
  }

  async #outOfPatience(signal: AbortSignal): Promise<never> {
    const { clock, registry } = this.#options
    await clock.sleep(PATIENCE_MS, signal)
    throw new UpstreamError(
      registry,
      'timeout',
      `${registry} has not answered for ${PATIENCE_MS} ms`,
    )
  }

  async #ask(key: string, ref: TagReference, ask: AskUpstream): Promise<Descriptor | undefined> {
    const { clock, absences } = this.#options
    // Before it is asked: the answer may be from any time since.
    const checkedAtMs = clock.now()
    const descriptor = await ask()
    if (!descriptor) {
      absences.add(key)
      return undefined
    }
    this.#ahead?.checked(key, ref, checkedAtMs)
    await this.#records.see(ref, descriptor, { descriptor, checkedAtMs })
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
