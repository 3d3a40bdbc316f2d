import { HIGH_WATERMARK, LOW_WATERMARK, requestedBlobs } from './simulation.ts'
import type { Trace } from './trace.ts'

const DISTRIBUTION_TTL_MS = 7 * 24 * 60 * 60 * 1000

/** Evicts the least recently used blob, whatever image it belongs to. */
export function lruOverBlobs(trace: Trace, capacityBytes: number): number {
  return blobHitRatio(trace, capacityBytes, {
    used: (held, blob) => {
      const { sizeBytes, storedAtMs } = held.get(blob)!
      held.delete(blob)
      held.set(blob, { sizeBytes, storedAtMs })
    },
    ttlMs: Infinity,
  })
}

/** What distribution does: a blob goes a week after it was fetched, used or not; here also, the oldest first, when space is short. */
export function ttlByFetchTime(trace: Trace, capacityBytes: number): number {
  return blobHitRatio(trace, capacityBytes, { used: () => {}, ttlMs: DISTRIBUTION_TTL_MS })
}

/** In order of eviction. */
type HeldBlobs = Map<number, { sizeBytes: number; storedAtMs: number }>

interface BlobPolicy {
  used: (held: HeldBlobs, blob: number) => void
  ttlMs: number
}

function blobHitRatio(trace: Trace, capacityBytes: number, { used, ttlMs }: BlobPolicy): number {
  const held: HeldBlobs = new Map()
  let [heldBytes, hitBytes, allBytes] = [0, 0, 0]
  const evictWhile = (goes: (storedAtMs: number) => boolean) => {
    for (const [blob, { sizeBytes, storedAtMs }] of held) {
      if (!goes(storedAtMs)) return
      held.delete(blob)
      heldBytes -= sizeBytes
    }
  }
  for (const pull of trace.pulls) {
    const { atMs } = pull
    if (ttlMs < Infinity) evictWhile((storedAtMs) => atMs - storedAtMs >= ttlMs)
    for (const blob of requestedBlobs(pull)) {
      const sizeBytes = trace.blobBytes[blob]!
      allBytes += sizeBytes
      if (held.has(blob)) {
        hitBytes += sizeBytes
        used(held, blob)
      } else {
        held.set(blob, { sizeBytes, storedAtMs: atMs })
        heldBytes += sizeBytes
      }
    }
    if (heldBytes > capacityBytes * HIGH_WATERMARK) {
      evictWhile(() => heldBytes > capacityBytes * LOW_WATERMARK)
    }
  }
  return hitBytes / allBytes
}
