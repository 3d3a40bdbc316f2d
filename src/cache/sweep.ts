import type { Content, Inventory } from '../inventory/inventory.ts'
import { OCTET_STREAM, type Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, recognizeManifest, type ManifestContent } from '../oci/manifest.ts'
import type { BlobStat, BlobStore } from '../store/blob-store.ts'
import type { StoreLayers } from '../store/layers.ts'
import type { Quarantine, QuarantinedBlob } from '../store/quarantine.ts'
import type { Leftover, Leftovers } from '../store/leftovers.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events } from '../telemetry/events.ts'
import { readExactly } from '../util/byte-reader.ts'
import type { Clock } from '../util/clock.ts'
import { Pace } from '../util/pace.ts'
import type { Holdings } from './holdings.ts'
import type { Leases } from './leases.ts'
import { mismatches } from './mismatches.ts'
import type { Progress, SweepFinding, SweepSummary, WorkListener } from './operations.ts'
import { findFault } from './verify.ts'

/** Somebody may want to look at what was wrong. */
const QUARANTINED_FOR_MS = 7 * 86_400_000

/** How long it is known what a tag stood for that is no longer on record. */
const HISTORY_FOR_MS = 365 * 86_400_000

/** How fast content is compared, and hashed where it is on no record: some tenths of a core. */
const COMPARED_PER_SECOND = 10_000
const HASHED_BYTES_PER_SECOND = 200 * 1024 * 1024
/** What is not on record costs as much as hashing this, however small it is. */
const STRAY_BYTES = 512 * 1024

const REPORT_EVERY = 1000

/** Others change content for moments only. */
const NEVER = new AbortController().signal

export interface SweepOptions {
  store: BlobStore & Quarantine
  layers: StoreLayers
  leftovers: Leftovers[]
  inventory: Inventory
  holdings: Holdings
  leases: Leases
  clock: Clock
  events: Events
}

interface Task {
  finding: SweepFinding
  /** Makes it right; false where it has come right by itself meanwhile. */
  work: () => Promise<boolean>
}

/**
 * Makes store and inventory match again after a crash, a power cut or the loss of either, and
 * removes what nobody needs: what a crash has left, what was set aside long ago, and what tags
 * stood for that were last seen long ago.
 */
export class Sweep {
  readonly #options: SweepOptions
  readonly #comparing: Pace
  readonly #hashing: Pace

  constructor(options: SweepOptions) {
    this.#options = options
    this.#comparing = new Pace(options.clock, COMPARED_PER_SECOND)
    this.#hashing = new Pace(options.clock, HASHED_BYTES_PER_SECOND)
  }

  /** Throws InventoryError, and StoreError where the store cannot be listed. */
  async run(signal: AbortSignal, report: (progress: Progress) => void): Promise<SweepSummary> {
    const { inventory, clock } = this.#options
    await inventory.dropHistories(clock.now() - HISTORY_FOR_MS)
    return this.#sweep(signal, report, async ({ finding, work }) => {
      if (!(await work())) return false
      this.#options.events.swept(finding)
      return true
    })
  }

  /** Changes nothing; what `run` would do is told as items. */
  preview({ signal, progress, item }: WorkListener<SweepFinding>): Promise<SweepSummary> {
    return this.#sweep(signal, progress, async ({ finding }) => {
      await item(finding)
      return true
    })
  }

  async #sweep(
    signal: AbortSignal,
    report: (progress: Progress) => void,
    settle: (task: Task) => Promise<boolean>,
  ): Promise<SweepSummary> {
    const summary = { adopt: 0, quarantine: 0, forget: 0, remove: 0 }
    for await (const look of this.#places(signal, report)) {
      try {
        const task = await look()
        if (task && (await settle(task))) summary[task.finding.action]++
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        this.#options.events.storeFailed({ operation: 'sweep', digest: undefined, error })
      }
    }
    return summary
  }

  /** Where something may have to be done, each with a closer look at it. */
  async *#places(
    signal: AbortSignal,
    report: (progress: Progress) => void,
  ): AsyncIterable<() => Promise<Task | undefined>> {
    const { store, leftovers, inventory, clock } = this.#options
    for (const place of leftovers) {
      for (const leftover of await place.leftovers()) {
        yield async () => this.#leftover(place, leftover)
      }
    }
    for await (const blob of store.quarantined()) {
      const isOld = clock.now() - blob.sinceMs >= QUARANTINED_FOR_MS
      if (isOld) yield async () => this.#oldQuarantine(blob)
    }
    const { entries: total } = await inventory.totals()
    let done = 0
    const seen = () => {
      signal.throwIfAborted()
      done++
      if (done % REPORT_EVERY > 0) return
      report({ done, total: Math.max(total, done), unit: 'contents' })
    }
    const contents: Inventory['contents'] = async (after, limit) => {
      await this.#comparing.take(limit, signal)
      return inventory.contents(after, limit)
    }
    for await (const { content, stat } of mismatches(store, { contents }, seen)) {
      if (content) yield () => this.#wrongContent(content.digest)
      else yield () => this.#stray(stat, signal)
    }
  }

  #leftover(place: Leftovers, { name, sizeBytes, reason }: Leftover): Task {
    const work = async () => {
      await place.removeLeftover(name)
      return true
    }
    return { finding: { action: 'remove', name, bytes: sizeBytes, reason }, work }
  }

  #oldQuarantine({ digest, sizeBytes, sinceMs }: QuarantinedBlob): Task {
    const reason = `set aside on ${new Date(sinceMs).toISOString()}`
    const work = async () => {
      await this.#options.store.dropQuarantined(digest)
      return true
    }
    return { finding: { action: 'remove', name: digest, bytes: sizeBytes, reason }, work }
  }

  async #wrongContent(digest: Digest): Promise<Task | undefined> {
    const { store, inventory, holdings } = this.#options
    const content = await inventory.held(digest)
    if (!content) return undefined
    const stat = await store.stat(digest)
    if (stat?.sizeBytes === content.sizeBytes) return undefined
    const work = async () => (await holdings.recheck(digest)) !== undefined
    const about = { name: digest, bytes: content.sizeBytes }
    const finding: SweepFinding = stat
      ? { ...about, action: 'quarantine', reason: `it has ${stat.sizeBytes} bytes` }
      : { ...about, action: 'forget', reason: 'its bytes are gone' }
    return { finding, work }
  }

  async #stray(stat: BlobStat, signal: AbortSignal): Promise<Task | undefined> {
    const { store, layers, clock, inventory } = this.#options
    const { digest, sizeBytes } = stat
    // What is just being put is on record once that is done.
    const isStray = await this.#unlessHeld(digest, () => Promise.resolve(true))
    if (!isStray) return undefined
    await this.#hashing.take(STRAY_BYTES, signal)
    const about = { name: digest, bytes: sizeBytes }
    const fault = await findFault(layers.originals, stat, (bytes) =>
      this.#hashing.take(bytes, signal),
    )
    if (fault === 'missing') return undefined
    if (fault) {
      const setAside = () => store.quarantine(digest, clock.now())
      const work = () => this.#unlessHeld(digest, setAside)
      const reason = `on no record, ${fault}`
      return { finding: { ...about, action: 'quarantine', reason }, work }
    }
    const { content, children } = await this.#read(stat)
    const adopt = async () => {
      if ((await store.stat(digest))?.sizeBytes !== sizeBytes) return false
      await inventory.adopt(content, children)
      return true
    }
    const work = () => this.#unlessHeld(digest, adopt)
    const reason = `a ${content.kind} on no record`
    return { finding: { ...about, action: 'adopt', reason }, work }
  }

  /** What content that is right turns out to be. */
  async #read({
    digest,
    sizeBytes,
  }: BlobStat): Promise<{ content: Content; children: Descriptor[] }> {
    const nowMs = this.#options.clock.now()
    const facts = { digest, sizeBytes, storedAtMs: nowMs, usedAtMs: nowMs }
    const manifest = await this.#manifestIn(digest, sizeBytes)
    if (!manifest) {
      return { content: { ...facts, kind: 'blob', mediaType: OCTET_STREAM }, children: [] }
    }
    const { mediaType, manifests, blobs } = manifest
    return {
      content: { ...facts, kind: 'manifest', mediaType },
      children: [...manifests, ...blobs],
    }
  }

  async #manifestIn(digest: Digest, sizeBytes: number): Promise<ManifestContent | undefined> {
    if (sizeBytes > MAX_MANIFEST_BYTES) return undefined
    await using reader = await this.#options.store.open(digest)
    return reader && recognizeManifest(await readExactly(reader, sizeBytes))
  }

  /** Does the work while nobody else changes the content, if it is on no record. */
  async #unlessHeld(digest: Digest, work: () => Promise<boolean>): Promise<boolean> {
    const { leases, inventory } = this.#options
    using _change = await leases.change(digest, NEVER)
    if (await inventory.held(digest)) return false
    return work()
  }
}
