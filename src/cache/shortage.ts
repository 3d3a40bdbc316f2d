export interface SpaceLimits {
  maxBytes: number
  /** Shares of `maxBytes`. */
  highWatermark: number
  lowWatermark: number
  /** Of the file system; half of what it has where that is less. */
  minFreeBytes: number
  /** Whether content is on that file system, so that eviction frees some of it. */
  isOnDisk: boolean
}

/** How much has to go, and whose limit wants it: our own size, or what is to stay free of the disk. */
export interface Shortage {
  reason: 'space' | 'free'
  bytes: number
}

export interface SpaceUse {
  heldBytes: number
  /** What is held, and what fills that are under way are going to add. */
  expectedBytes: number
  freeBytes: number
  /** Free when the fills that are under way have ended. */
  expectedFreeBytes: number
  minFreeBytes: number
}

interface RefusedUse extends SpaceUse {
  /** The store has taken no more of late, so that something in it has to go. */
  isRefused: boolean
}

/** `undefined` where nothing has to go. */
export function shortageOf(
  { heldBytes, expectedBytes, expectedFreeBytes, minFreeBytes, isRefused }: RefusedUse,
  { maxBytes, highWatermark, lowWatermark, isOnDisk }: SpaceLimits,
): Shortage | undefined {
  const isOver = expectedBytes > maxBytes * highWatermark
  const overBytes = isOver ? expectedBytes - maxBytes * lowWatermark : 0
  const isShort = isOnDisk && expectedFreeBytes < minFreeBytes
  // A little more than is wanted, or the next fill would be short again.
  const slack = highWatermark / lowWatermark
  const shortBytes = isShort ? minFreeBytes * slack - expectedFreeBytes : 0
  const refusedBytes = isRefused ? heldBytes * (1 - 1 / slack) : 0
  const freeBytes = Math.max(shortBytes, refusedBytes)
  if (overBytes === 0 && freeBytes === 0) return undefined
  return overBytes >= freeBytes
    ? { reason: 'space', bytes: Math.round(overBytes) }
    : { reason: 'free', bytes: Math.round(freeBytes) }
}
