import type { Candidate, Content, Inventory } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Source } from '../oci/source.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { StoreLayers } from '../store/layers.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { Pace } from '../util/pace.ts'
import type { Holdings } from './holdings.ts'
import { contentsOf } from './mismatches.ts'
import type { Progress, ScrubSummary } from './operations.ts'
import type { Pins } from './pins.ts'
import { refill } from './refill.ts'
import { findFault } from './verify.ts'

/** Opening content costs as much as reading this: small ones are not read faster than others. */
const OPENING_BYTES = 64 * 1024

/** At most so much work is done again after a kill. */
const SAVE_EVERY_MS = 10_000

/** When so many in a row cannot be opened, it is not they that are wrong. */
const MAX_FAILURES = 10

const STATE = 'scrub.pass'

export interface ScrubOptions {
  layers: StoreLayers
  inventory: Inventory
  holdings: Holdings
  pins: Pins
  /** By registry; what is pinned is filled again through them. */
  mirrors: ReadonlyMap<string, Source>
  bytesPerSecond: number
  clock: Clock
  events: Events
}

/** How far a pass has come. */
interface Pass extends ScrubSummary {
  after?: Digest
}

/**
 * Reads and hashes everything that is held, in order of digest, at a bounded rate. What is missing
 * or wrong is given up, see Holdings.recheck; what is pinned is filled again at once.
 */
export class Scrub {
  readonly #options: ScrubOptions
  readonly #pace: Pace

  constructor(options: ScrubOptions) {
    this.#options = options
    this.#pace = new Pace(options.clock, options.bytesPerSecond)
  }

  /**
   * Makes a pass, or goes on with the one that was stopped or killed. Throws InventoryError, and
   * StoreError where the store as a whole fails.
   */
  async run(signal: AbortSignal, report: (progress: Progress) => void): Promise<ScrubSummary> {
    const pass = await this.#resume()
    let isOver = false
    try {
      await this.#walk(pass, signal, report)
      isOver = true
    } finally {
      await this.#save(isOver ? null : pass)
    }
    const { contents, bytes, quarantined } = pass
    return { contents, bytes, quarantined }
  }

  async #walk(
    pass: Pass,
    signal: AbortSignal,
    report: (progress: Progress) => void,
  ): Promise<void> {
    const { inventory, clock, events } = this.#options
    const { bytes: totalBytes } = await inventory.totals()
    let savedAtMs = clock.now()
    let failures = 0
    for await (const content of contentsOf(inventory, pass.after)) {
      let done = pass.bytes
      const read = async (bytes: number) => {
        done += bytes
        report({ done, total: Math.max(totalBytes, done), unit: 'bytes' })
        await this.#pace.take(bytes, signal)
      }
      await this.#pace.take(OPENING_BYTES, signal)
      try {
        if (await this.#isGivenUp(content, read, signal)) pass.quarantined++
        failures = 0
      } catch (error) {
        if (!(error instanceof StoreError) || ++failures === MAX_FAILURES) throw error
        events.storeFailed({ operation: 'scrub', digest: content.digest, error })
      }
      pass.contents++
      pass.bytes += content.sizeBytes
      pass.after = content.digest
      if (clock.now() - savedAtMs >= SAVE_EVERY_MS) {
        await this.#save(pass)
        savedAtMs = clock.now()
      }
    }
  }

  async #isGivenUp(
    content: Content,
    read: (bytes: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { layers, inventory, holdings, pins } = this.#options
    const copyFault = await findFault(layers.copies, content, read)
    if (copyFault && copyFault !== 'missing') await layers.copies.delete([content.digest])
    if (!(await findFault(layers.originals, content, read))) return false
    // What it belongs to is not known any more once it is forgotten.
    const lineage = await inventory.lineage(content.digest)
    if (!(await holdings.recheck(content.digest))) return false
    if (lineage.some((one) => pins.isPinned(one))) await this.#refill(content, lineage, signal)
    return true
  }

  /** Where that fails, the next pull fills it. */
  async #refill(content: Content, lineage: Candidate[], signal: AbortSignal): Promise<void> {
    const { mirrors, events } = this.#options
    const { digest } = content
    const itself = lineage.filter((one) => one.digest === digest)
    const names = [...itself, ...lineage].flatMap((one) => one.names)
    for (const { repository } of names) {
      const mirror = mirrors.get(repository.registry)
      try {
        if (mirror && (await refill(mirror, repository.name, content, signal))) return
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error
        const about = { upstream: repository.registry, repository: repository.name, digest }
        return events.refillFailed({ ...about, error })
      }
    }
  }

  async #resume(): Promise<Pass> {
    const stopped = (await this.#options.inventory.jobState(STATE)) as Pass | null | undefined
    return stopped ?? { contents: 0, bytes: 0, quarantined: 0 }
  }

  /** Where that fails, the next run starts from an earlier place. */
  async #save(pass: Pass | null): Promise<void> {
    await this.#options.holdings.look(undefined, (inventory) => inventory.putJobState(STATE, pass))
  }
}
