import { LRUCache } from 'lru-cache'
import type { ReferrersRecord, RepositoryId } from '../inventory/inventory.ts'
import { formatReference, type DigestReference } from '../oci/reference.ts'
import { formatReferrers, type Referrer } from '../oci/referrers.ts'
import type { PullOptions, ReferrerList, Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { SingleFlight } from '../util/single-flight.ts'
import type { Departure } from './departure.ts'
import type { Holdings } from './holdings.ts'
import { answerInTime } from './patience.ts'

const MEMORY_BYTES = 16 * 1024 * 1024
const ENTRY_OVERHEAD_BYTES = 1024

export interface ReferrersOptions {
  registry: string
  source: Source
  holdings: Holdings
  clock: Clock
  freshForMs: number
  /** Ends what several callers share. */
  signal: AbortSignal
}

/**
 * What refers to the manifests of one upstream: as last listed while that is fresh, else as
 * upstream lists it; and as last listed, however long ago, while upstream cannot answer.
 */
export class Referrers {
  readonly #options: ReferrersOptions
  readonly #known = new LRUCache<string, ReferrersRecord>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: ({ referrers }) => formatReferrers(referrers).length + ENTRY_OVERHEAD_BYTES,
  })
  readonly #flights = new SingleFlight<readonly Referrer[]>()
  #forgotten = 0

  constructor(options: ReferrersOptions) {
    this.#options = options
  }

  /** All of them. Throws what upstream throws where it was never listed before. */
  async list(ref: DigestReference, { signal }: PullOptions): Promise<ReferrerList> {
    const { clock, freshForMs, registry } = this.#options
    const key = formatReference(ref)
    const known = await this.#knownOf(key, ref)
    if (known && isWithin(clock.now(), known.checkedAtMs, freshForMs)) {
      return { referrers: known.referrers, outcome: 'hit' }
    }
    const asked = this.#flights.run(key, signal, () => this.#ask(key, ref))
    try {
      const { value, joined } = await (known ? answerInTime(asked, registry, clock) : asked)
      return { referrers: value, outcome: joined ? 'join' : 'miss' }
    } catch (error) {
      if (!known || !(error instanceof UpstreamError) || !error.transient) throw error
      return { referrers: known.referrers, outcome: 'stale' }
    }
  }

  /** The manifest is held from now on, and with it its list, where it was asked for before. */
  async kept(ref: DigestReference): Promise<void> {
    const known = this.#known.get(formatReference(ref))
    if (known) await this.#keep(ref, known)
  }

  /** Manifests are not held any more, and neither are their lists. */
  forget({ digest, names }: Departure): void {
    this.#forgotten++
    for (const { repository } of names) {
      if (repository.registry !== this.#options.registry) continue
      this.#known.delete(formatReference({ kind: 'digest', repository: repository.name, digest }))
    }
  }

  async #ask(key: string, ref: DigestReference): Promise<readonly Referrer[]> {
    const { source, clock, signal } = this.#options
    // Before it is asked: the answer may be from any time since.
    const checkedAtMs = clock.now()
    const { referrers } = await source.referrers(ref.repository, ref.digest, {}, { signal })
    const record = { referrers, checkedAtMs }
    this.#known.set(key, record)
    await this.#keep(ref, record)
    return referrers
  }

  async #knownOf(key: string, ref: DigestReference): Promise<ReferrersRecord | undefined> {
    const known = this.#known.get(key)
    if (known) return known
    const forgotten = this.#forgotten
    const record = await this.#options.holdings.look(ref.digest, (inventory) =>
      inventory.referrers(ref.digest, this.#id(ref)),
    )
    // One that upstream gave meanwhile is newer.
    const newer = this.#known.get(key)
    if (newer) return newer
    // What was forgotten meanwhile may be this.
    if (record && this.#forgotten === forgotten) this.#known.set(key, record)
    return record
  }

  async #keep(ref: DigestReference, record: ReferrersRecord): Promise<void> {
    await this.#options.holdings.look(ref.digest, (inventory) =>
      inventory.putReferrers(ref.digest, this.#id(ref), record),
    )
  }

  #id({ repository }: DigestReference): RepositoryId {
    return { registry: this.#options.registry, name: repository }
  }
}
