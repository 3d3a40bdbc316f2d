import { type InventoryTotals, REUSED_AFTER_MS } from '../../../src/inventory/inventory.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { HIGH_WATERMARK, LOW_WATERMARK, requestedBlobs } from './simulation.ts'
import type { Pull, Trace, TraceImage } from './trace.ts'

/** What an order chooses from: an image that is held, or a blob that its images have left behind. */
export interface Root {
  digest: Digest
  image: TraceImage | undefined
  /** Of a blob that was left behind its index. */
  blob: number | undefined
  storedAtMs: number
  usedAtMs: number
  isReused: boolean
  /** What was fetched for it. */
  bytes: number
  isHeld: boolean
}

/** An order of eviction over images. */
export interface ImageOrder {
  /** The root is new, or was used again. */
  use(root: Root): void
  /** The root that goes next; it is not asked about again. */
  next(totals: Totals, nowMs: number): Root
}

export type Totals = Pick<InventoryTotals, 'bytes' | 'onceBytes'>

interface HeldBlob {
  isHeld: boolean
  /** Images that are held and name it. */
  parents: number
  storedAtMs: number
  usedAtMs: number
  isReused: boolean
  /** Itself where nothing names it. */
  root: Root | undefined
}

/** The byte hit ratio of a mirror that evicts images as ours does: with what only they need, shared blobs counted once. */
export function imageHitRatio(
  trace: Trace,
  capacityBytes: number,
  order: ImageOrder,
  reusedAfterMs = REUSED_AFTER_MS,
): number {
  const cache = new ImageCache(trace.blobBytes, order, reusedAfterMs)
  for (const pull of trace.pulls) {
    cache.pull(pull)
    if (cache.totals.bytes > capacityBytes * HIGH_WATERMARK) {
      while (cache.totals.bytes > capacityBytes * LOW_WATERMARK) cache.evict(pull.atMs)
    }
  }
  return cache.hitBytes / cache.allBytes
}

class ImageCache {
  hitBytes = 0
  allBytes = 0
  readonly totals = { bytes: 0, onceBytes: 0 }
  readonly #sizes: number[]
  readonly #order: ImageOrder
  readonly #reusedAfterMs: number
  readonly #blobs: HeldBlob[]
  readonly #images = new Map<TraceImage, Root>()

  constructor(sizes: number[], order: ImageOrder, reusedAfterMs: number) {
    this.#sizes = sizes
    this.#reusedAfterMs = reusedAfterMs
    this.#order = order
    this.#blobs = sizes.map(() => ({
      isHeld: false,
      parents: 0,
      storedAtMs: 0,
      usedAtMs: 0,
      isReused: false,
      root: undefined,
    }))
  }

  pull(pull: Pull): void {
    const { atMs, image } = pull
    const root = this.#images.get(image) ?? this.#add(image, atMs)
    root.usedAtMs = atMs
    for (const blob of requestedBlobs(pull)) this.#request(blob, root)
    if (!root.isReused && atMs - root.storedAtMs >= this.#reusedAfterMs) {
      root.isReused = true
      for (const blob of blobsOf(image)) this.#markReused(blob)
    }
    this.#order.use(root)
  }

  evict(nowMs: number): void {
    const root = this.#order.next(this.totals, nowMs)
    root.isHeld = false
    if (root.blob !== undefined) this.#dropBlob(root.blob)
    if (!root.image) return
    this.#images.delete(root.image)
    for (const blob of blobsOf(root.image)) {
      const held = this.#blobs[blob]!
      held.parents--
      if (held.parents > 0 || !held.isHeld) continue
      if (held.usedAtMs <= root.usedAtMs) this.#dropBlob(blob)
      else this.#leave(blob)
    }
  }

  #add(image: TraceImage, atMs: number): Root {
    const root = newRoot(`image ${image.own[0]}`, atMs, { image, blob: undefined })
    this.#images.set(image, root)
    for (const blob of blobsOf(image)) {
      const held = this.#blobs[blob]!
      held.parents++
      if (held.root) held.root.isHeld = false
      held.root = undefined
    }
    return root
  }

  #request(blob: number, root: Root): void {
    const held = this.#blobs[blob]!
    const sizeBytes = this.#sizes[blob]!
    this.allBytes += sizeBytes
    held.usedAtMs = root.usedAtMs
    if (held.isHeld) {
      this.hitBytes += sizeBytes
      if (held.usedAtMs - held.storedAtMs >= this.#reusedAfterMs) this.#markReused(blob)
      return
    }
    held.isHeld = true
    held.storedAtMs = root.usedAtMs
    held.isReused = root.isReused
    root.bytes += sizeBytes
    this.totals.bytes += sizeBytes
    if (!held.isReused) this.totals.onceBytes += sizeBytes
  }

  #markReused(blob: number): void {
    const held = this.#blobs[blob]!
    if (held.isReused) return
    held.isReused = true
    if (held.isHeld) this.totals.onceBytes -= this.#sizes[blob]!
  }

  #dropBlob(blob: number): void {
    const held = this.#blobs[blob]!
    held.isHeld = false
    held.root = undefined
    this.totals.bytes -= this.#sizes[blob]!
    if (!held.isReused) this.totals.onceBytes -= this.#sizes[blob]!
  }

  #leave(blob: number): void {
    const held = this.#blobs[blob]!
    const root = newRoot(`blob ${blob}`, held.storedAtMs, { image: undefined, blob })
    held.root = root
    Object.assign(root, { usedAtMs: held.usedAtMs, isReused: held.isReused })
    root.bytes = this.#sizes[blob]!
    this.#order.use(root)
  }
}

function newRoot(name: string, atMs: number, of: Pick<Root, 'image' | 'blob'>): Root {
  return {
    ...of,
    digest: name as Digest,
    storedAtMs: atMs,
    usedAtMs: atMs,
    isReused: false,
    bytes: 0,
    isHeld: true,
  }
}

function blobsOf({ own, base }: TraceImage): number[] {
  return [...own, ...base]
}
