import type { Inventory } from '../inventory/inventory.ts'
import type { DiskReserve } from '../store/disk-reserve.ts'
import type { DiskSpace } from '../store/disk-space.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import { isWithin } from '../util/is-within.ts'
import { attempt } from './attempt.ts'
import type { FillStatus } from './fill.ts'
import { type Shortage, shortageOf, type SpaceLimits, type SpaceUse } from './shortage.ts'

/** After the disk has refused a write it is tried again so much later. */
const REFUSED_FOR_MS = 10_000

/** A pull waits no longer for the pass that may make room for it. */
const RELIEF_WITHIN_MS = 2_000

export interface SpaceOptions {
  limits: SpaceLimits
  inventory: Inventory
  /** Throws StoreError. */
  disk: () => Promise<DiskSpace>
  /** Given up when the disk is full, taken back when there is space. */
  reserve: DiskReserve
  fills: () => Pick<FillStatus, 'bytes' | 'totalBytes'>[]
  clock: Clock
  events: Events
}

/**
 * The space that the mirror was given. While it is full, nothing new is kept: that is told as
 * StoreError `no-space`, which makes of a fill a bypass. It ends by itself when space is back.
 */
export class Space {
  readonly #options: SpaceOptions
  #isFull = false
  #diskRefusedAtMs: number | undefined
  /** By a store that is not on the disk. */
  #storeRefusedAtMs: number | undefined
  /** A pass could not get below the limit: all the rest is leased or pinned. */
  #isStuck = false
  /** Called when content has to go, any number of times; resolves when a pass has ended. */
  urge: () => Promise<void> = () => Promise.resolve()

  constructor(options: SpaceOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** Whether the last pass had to leave more than the limits want. */
  get isStuck(): boolean {
    return this.#isStuck
  }

  get maxBytes(): number {
    return this.#options.limits.maxBytes
  }

  /** How things stand; `undefined` where that cannot be measured, which is reported. */
  measure(): Promise<SpaceUse | undefined> {
    return this.#attempt(() => this.#measure())
  }

  /**
   * How much has to go now, or would have to if so many bytes had gone; `undefined` where nothing
   * has to. Throws StoreError and InventoryError.
   */
  async shortage(goneBytes = 0): Promise<Shortage | undefined> {
    return this.#shortageOf(await this.#measure(goneBytes))
  }

  /** Lets a fill of so many bytes begin. Throws StoreError `no-space` where it would not be kept. */
  admit(sizeBytes: number): Promise<void> {
    return this.relieved(() => this.#admit(sizeBytes))
  }

  async #admit(sizeBytes: number): Promise<void> {
    const use = await this.#look()
    if (!use) return
    const { maxBytes, highWatermark, isOnDisk } = this.#options.limits
    const evictableBytes = isOnDisk ? use.heldBytes : 0
    const roomBytes = Math.min(
      maxBytes * highWatermark,
      use.freeBytes + evictableBytes - use.minFreeBytes / 2,
    )
    if (this.#isFull) throw this.#refusal('the space for content is full')
    if (sizeBytes > roomBytes) throw this.#refusal(`there is no room for ${sizeBytes} bytes`)
  }

  /** Before anything is written. Throws StoreError `no-space`. */
  async enter(): Promise<void> {
    if (!this.#isFull) return
    await this.#look()
    if (this.#isFull) throw this.#refusal('the space for content is full')
  }

  /**
   * Tries once more what failed for lack of space, when a pass has made some; that it waits for,
   * but not long.
   */
  async relieved<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const isNoSpace = error instanceof StoreError && error.kind === 'no-space'
      if (!isNoSpace || !(await this.#isRelieved())) throw error
      return work()
    }
  }

  /** Waits for a write; learns from a refusal, since quotas and inodes end where space seems free. */
  async watch<T>(write: Promise<T>): Promise<T> {
    return this.#watch(write, () => this.#giveUpReserve())
  }

  /** The same for what is put into the store, wherever that is. */
  async watchPut<T>(put: Promise<T>): Promise<T> {
    const { limits, clock } = this.#options
    if (limits.isOnDisk) return this.watch(put)
    return this.#watch(put, async () => {
      this.#storeRefusedAtMs = clock.now()
    })
  }

  /**
   * Throws StoreError `no-space` while the disk has nothing left: what there is belongs to who
   * frees space.
   */
  refuseWrites(): void {
    if (this.#isRecent(this.#diskRefusedAtMs)) throw this.#refusal('the disk is full')
  }

  /** A pass has ended; `unmet` where more should have gone, but all that is left has to stay. */
  async passed(freedBytes: number, unmet: Shortage | undefined): Promise<void> {
    if (freedBytes > 0) {
      this.#diskRefusedAtMs = undefined
      this.#storeRefusedAtMs = undefined
    }
    const wasStuck = this.#isStuck
    this.#isStuck = unmet !== undefined
    if (this.#isStuck !== wasStuck)
      this.#options.events.evictionStuck({ isStuck: this.#isStuck, ...unmet })
    await this.#look()
  }

  /** Measures, and draws the conclusions; `undefined` where it cannot be measured. */
  async #look(): Promise<SpaceUse | undefined> {
    return this.#attempt(() => this.#conclude())
  }

  async #conclude(): Promise<SpaceUse> {
    const { limits, reserve } = this.#options
    const use = await this.#measure()
    if (use.freeBytes < reserve.sizeBytes) await this.#giveUpReserve()
    const isOver = this.#isStuck && use.heldBytes > limits.maxBytes
    const isRefused = this.#isRecent(this.#diskRefusedAtMs) || this.#isStoreRefused
    this.#setFull(isRefused || isOver || use.freeBytes < use.minFreeBytes / 2)
    // With room to spare, or it would have to be given up at once.
    if (!this.#isFull && use.freeBytes >= 2 * reserve.sizeBytes) await this.watch(reserve.take())
    // Where it is stuck, only time helps.
    if (!this.#isStuck && this.#shortageOf(use)) void this.urge()
    return use
  }

  async #watch<T>(write: Promise<T>, learn: () => Promise<void>): Promise<T> {
    try {
      return await write
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'no-space') {
        await this.#attempt(learn)
        this.#setFull(true)
        void this.urge()
      }
      throw error
    }
  }

  async #giveUpReserve(): Promise<void> {
    this.#diskRefusedAtMs = this.#options.clock.now()
    await this.#options.reserve.release()
  }

  #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    const operation = { operation: 'measure space', digest: undefined }
    return attempt(this.#options.events, operation, work)
  }

  async #measure(goneBytes = 0): Promise<SpaceUse> {
    const { inventory, disk, fills, limits } = this.#options
    const [totals, { freeBytes: measuredBytes, totalBytes }] = await Promise.all([
      inventory.totals(),
      disk(),
    ])
    const heldBytes = totals.bytes - goneBytes
    const freeBytes = measuredBytes + goneBytes
    let expectedBytes = heldBytes
    let expectedFreeBytes = freeBytes
    for (const fill of fills()) {
      const sizeBytes = fill.totalBytes ?? fill.bytes
      expectedBytes += sizeBytes
      expectedFreeBytes -= sizeBytes - fill.bytes
    }
    const minFreeBytes = Math.min(limits.minFreeBytes, totalBytes / 2)
    return { heldBytes, expectedBytes, freeBytes, expectedFreeBytes, minFreeBytes }
  }

  #shortageOf(use: SpaceUse): Shortage | undefined {
    return shortageOf({ ...use, isRefused: this.#isStoreRefused }, this.#options.limits)
  }

  /** Whether a pass has made room, where there was none and one may help. */
  async #isRelieved(): Promise<boolean> {
    const isHopeless = () => !this.#isFull || this.#isStuck
    if (isHopeless()) return false
    const waited = new AbortController()
    const patience = this.#options.clock.sleep(RELIEF_WITHIN_MS, waited.signal)
    const passes = async () => {
      await this.urge()
      // The first may have begun before its help was needed.
      if (!isHopeless()) await this.urge()
    }
    try {
      await Promise.race([passes(), patience])
    } finally {
      waited.abort()
      patience.catch(() => undefined)
    }
    return !this.#isFull
  }

  get #isStoreRefused(): boolean {
    const { limits } = this.#options
    return this.#isRecent(limits.isOnDisk ? this.#diskRefusedAtMs : this.#storeRefusedAtMs)
  }

  #isRecent(refusedAtMs: number | undefined): boolean {
    const { clock } = this.#options
    return refusedAtMs !== undefined && isWithin(clock.now(), refusedAtMs, REFUSED_FOR_MS)
  }

  #setFull(isFull: boolean): void {
    if (this.#isFull === isFull) return
    this.#isFull = isFull
    this.#options.events.spaceChanged({ isFull })
  }

  #refusal(message: string): StoreError {
    this.#options.events.keepingRefused()
    return new StoreError('no-space', message)
  }
}
