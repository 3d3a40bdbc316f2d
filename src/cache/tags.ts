import { LRUCache } from 'lru-cache'
import type { ContentName, RepositoryId, TagRecord } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { formatReference, type TagReference } from '../oci/reference.ts'
import type { Outcome, PullOptions, Resolved } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { Absences } from './absences.ts'
import type { Holdings } from './holdings.ts'
import { freshnessOf, type TagPolicy } from './tag-freshness.ts'

const MAX_REMEMBERED = 20_000

/** How long a client waits for upstream where a stale record could be served. */
const PATIENCE_MS = 10_000

export interface TagsOptions {
  registry: string
  holdings: Holdings
  absences: Absences
  policy: TagPolicy
  clock: Clock
  events: Events
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
export class Tags {
  readonly #options: TagsOptions
  readonly #records = new LRUCache<string, TagRecord>({ max: MAX_REMEMBERED })
  readonly #flights = new SingleFlight<Descriptor | undefined>()
  #forgotten = 0

  constructor(options: TagsOptions) {
    this.#options = options
  }

  /** The outcome says how the tag itself was answered. Throws what upstream throws where nothing may stand in. */
  async resolve(
    ref: TagReference,
    questions: TagQuestions,
    { signal }: PullOptions,
  ): Promise<Resolved | undefined> {
    const { clock, policy, absences } = this.#options
    const key = formatReference(ref)
    const record = await this.#recordOf(key, ref)
    if (record && freshnessOf(record, policy, clock.now()) === 'fresh') return hit(record)
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
    this.#forgotten++
    for (const { repository, tags } of names) {
      if (repository.registry !== this.#options.registry) continue
      for (const tag of tags) {
        this.#records.delete(formatReference({ kind: 'tag', repository: repository.name, tag }))
      }
    }
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
      this.#reportStale(ref, record, error)
      return { descriptor: record.descriptor, outcome: 'stale' }
    } finally {
      patience.abort()
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
    const { clock, holdings, absences } = this.#options
    // Before it is asked: the answer may be from any time since.
    const checkedAtMs = clock.now()
    const descriptor = await ask()
    if (!descriptor) {
      absences.add(key)
      return undefined
    }
    const record = { descriptor, checkedAtMs }
    this.#records.set(key, record)
    await holdings.look(descriptor.digest, (inventory) =>
      inventory.putTag(this.#id(ref), ref.tag, record),
    )
    return descriptor
  }

  /** Upstream no longer has a tag that was known. */
  async #whenAbsent(ref: TagReference, record: TagRecord): Promise<Resolved | undefined> {
    const { policy, clock, holdings } = this.#options
    const isServed =
      policy.onAbsent === 'serve' || freshnessOf(record, policy, clock.now()) !== 'expired'
    if (isServed) return { descriptor: record.descriptor, outcome: 'stale' }
    this.#records.delete(formatReference(ref))
    await holdings.look(undefined, (inventory) => inventory.dropTag(this.#id(ref), ref.tag))
    return undefined
  }

  async #recordOf(key: string, ref: TagReference): Promise<TagRecord | undefined> {
    const known = this.#records.get(key)
    if (known) return known
    const forgotten = this.#forgotten
    const record = await this.#options.holdings.look(undefined, (inventory) =>
      inventory.tag(this.#id(ref), ref.tag),
    )
    // One that upstream gave meanwhile is newer.
    const newer = this.#records.get(key)
    if (newer) return newer
    // What was forgotten meanwhile may be this.
    if (record && this.#forgotten === forgotten) this.#records.set(key, record)
    return record
  }

  #reportStale(ref: TagReference, record: TagRecord, error: UpstreamError): void {
    const { registry, clock, events } = this.#options
    const about = { upstream: registry, repository: ref.repository, tag: ref.tag }
    events.revalidationFailed({ ...about, error })
    events.servedStale({ ...about, ageMs: clock.now() - record.checkedAtMs })
  }

  #id({ repository }: TagReference): RepositoryId {
    return { registry: this.#options.registry, name: repository }
  }
}

function hit({ descriptor }: TagRecord): Resolved {
  return { descriptor, outcome: 'hit' }
}

function missOf({ joined }: { joined: boolean }): Outcome {
  return joined ? 'join' : 'miss'
}
