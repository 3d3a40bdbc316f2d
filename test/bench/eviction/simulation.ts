import type { Pull } from './trace.ts'

/** The same for all policies: so much of the capacity is held when eviction starts, and when it ends. */
export const HIGH_WATERMARK = 0.95
export const LOW_WATERMARK = 0.85

/** The blobs that a client asks for, its manifest first. */
export function requestedBlobs({ image, hasBase }: Pull): number[] {
  return hasBase ? image.own : [...image.own, ...image.base]
}
