import type { Candidate, Inventory } from '../inventory/inventory.ts'
import type { EvictionReason, Events } from '../telemetry/events.ts'
import { abortable } from '../util/abortable.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { Semaphore } from '../util/semaphore.ts'
import { tellEvicted } from './content-changes.ts'
import { EvictionPass, type MayGo } from './eviction-pass.ts'
import { EvictionPreview } from './eviction-preview.ts'
import type { Fills } from './fills.ts'
import type { Holdings } from './holdings.ts'
import type { Leases } from './leases.ts'
import type { EvictRequest, Removable, Removal, WorkListener } from './operations.ts'
import type { Pins } from './pins.ts'
import type { Shortage } from './shortage.ts'
import type { Space } from './space.ts'
import { sumOf } from './sum-of.ts'
import type { Uses } from './uses.ts'

/** Whoever was given a manifest, or a part of what it names, comes for the next part within this. */
const LEASED_FOR_MS = 120_000

export interface EvictionOptions {
  inventory: Inventory
  holdings: Holdings
  leases: Leases
  uses: Uses
  fills: Fills
  pins: Pins
  space: Space
  /** How long an image is kept after its last use. */
  ttlMs: number
  clock: Clock
  events: Events
}

/** What a pass has done. */
export interface PassSummary extends Removal {
  startedAtMs: number
  durationMs: number
}

/** A request as a pass sees it: one that nobody has to wait for. */
type Listener = Omit<WorkListener<Removable>, 'signal'>

/**
 * Evicts images, the coldest first, until the limits are kept: each with all that only it needs,
 * so that what is still there can be pulled as before. What is pinned, read, or was used in the
 * last two minutes stays, and so does an image while a part of it is filled.
 */
export class Eviction implements AsyncDisposable {
  readonly #options: EvictionOptions
  readonly #turns = new Semaphore(1)
  readonly #lifetime = new AbortController()
  #isRunning = false
  #lastPass: PassSummary | undefined

  constructor(options: EvictionOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** `undefined` before the first has ended. */
  get lastPass(): PassSummary | undefined {
    return this.#lastPass
  }

  /**
   * Makes a pass, or tells what it would take, when the one that is under way has ended. A pass
   * goes on without its listener. Throws InventoryError and StoreError.
   */
  async run(request: EvictRequest, listener: WorkListener<Removable>): Promise<Removal> {
    if (request.isDryRun) return this.#preview(request, listener)
    const pass = this.#pass(request, untilLeft(listener))
    // Where nobody waits for it any more, its failure is lost; the next pass meets it again.
    pass.catch(() => undefined)
    return abortable(pass, listener.signal)
  }

  /** Stops what is under way at its next step, and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new Error('the mirror is stopping'))
    using _turn = await this.#turns.acquire(new AbortController().signal)
  }

  async #preview(request: EvictRequest, listener: WorkListener<Removable>): Promise<Removal> {
    const preview = new EvictionPreview(this.#options.inventory)
    const pass = new EvictionPass({
      roots: preview,
      evict: (root, isCold) => preview.evict(root, this.#allowing(isCold)),
      maxImages: request.maxImages ?? Infinity,
      settle: () => this.#settle(),
      listener,
    })
    await this.#walk(pass, request, () => pass.removal.bytes)
    return pass.removal
  }

  async #pass(request: EvictRequest, { progress, item }: Listener): Promise<Removal> {
    const { inventory, clock, space, events } = this.#options
    const { signal } = this.#lifetime
    using _turn = await this.#turns.acquire(signal)
    const startedAtMs = clock.now()
    this.#isRunning = true
    const pass = new EvictionPass({
      roots: inventory,
      evict: (...args) => this.#evict(...args),
      maxImages: Infinity,
      settle: () => this.#settle(),
      listener: { progress, item, signal },
    })
    try {
      const shortage = await this.#walk(pass, request, () => 0)
      await space.passed(pass.removal.bytes, shortage)
    } finally {
      this.#isRunning = false
      this.#lastPass = { ...pass.removal, startedAtMs, durationMs: clock.now() - startedAtMs }
      events.evictionPassed(this.#lastPass)
    }
    return pass.removal
  }

  /** Returns what could not be met. `previewedBytes` have gone as far as the pass knows, but are still there. */
  async #walk(
    pass: EvictionPass,
    { toBytes }: EvictRequest,
    previewedBytes: () => number,
  ): Promise<Shortage | undefined> {
    const { clock, ttlMs, space, inventory } = this.#options
    await this.#settle()
    await pass.expire(clock.now() - ttlMs)
    const { bytes } = await inventory.totals()
    if (toBytes !== undefined) await pass.free(bytes - previewedBytes() - toBytes, 'command')
    const shortage = await space.shortage(previewedBytes())
    if (!shortage) return undefined
    if (!(await pass.free(shortage.bytes, shortage.reason))) return shortage
    // Fills have gone on meanwhile. What is free shows late on some file systems: not asked again.
    const rest = await space.shortage(previewedBytes())
    if (rest?.reason !== 'space' || (await pass.free(rest.bytes, rest.reason))) return undefined
    return rest
  }

  async #evict(root: Candidate, isCold: MayGo, reason: EvictionReason): Promise<Candidate[]> {
    const { holdings, events } = this.#options
    const gone = await holdings.evict(root.digest, this.#allowing(isCold))
    const [image] = gone
    if (image) {
      events.evicted({ reason, digest: root.digest, ...sumOf(gone) })
      tellEvicted(events.feed, image)
    }
    return gone
  }

  /** Writes down the uses so far; what is filled is being used. */
  async #settle(): Promise<void> {
    const { fills, uses } = this.#options
    for (const { repository, digest } of fills.list()) uses.record(repository, digest)
    await uses.flush()
  }

  #allowing(isCold: MayGo): MayGo {
    const { leases, uses, pins, clock } = this.#options
    return (candidate) =>
      candidate.parents === 0 &&
      isCold(candidate) &&
      !isWithin(clock.now(), candidate.usedAtMs, LEASED_FOR_MS) &&
      !uses.isPending(candidate.digest) &&
      !leases.isRead(candidate.digest) &&
      !pins.isPinned(candidate)
  }
}

/** A listener that has left is not told any more, and does not end the work. */
function untilLeft({ progress, item, signal }: WorkListener<Removable>): Listener {
  return {
    progress(done) {
      if (!signal.aborted) progress(done)
    },
    async item(removable) {
      if (signal.aborted) return
      await item(removable).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    },
  }
}
