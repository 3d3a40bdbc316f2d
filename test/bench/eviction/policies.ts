import { lruOverBlobs, ttlByFetchTime } from './blob-caches.ts'
import { S3FifoOrder, SieveOrder } from './fifo-orders.ts'
import { type ImageOrder, imageHitRatio } from './image-cache.ts'
import { optimum } from './optimum.ts'
import { AgingOrder, LruOrder, ShareOrder } from './orders.ts'
import type { Trace } from './trace.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Gives the byte hit ratio of a trace through a capacity. */
export type Policy = (trace: Trace, capacityBytes: number) => number

/** Of the unique bytes of the trace. */
export const CAPACITIES: readonly number[] = [0.05, 0.1, 0.2, 0.4]

export const TTL = 'TTL by fetch time, 7 days (distribution)'
export const LRU = 'LRU over blobs'
export const SIEVE = 'SIEVE over images'
export const S3_FIFO = 'S3-FIFO over images, small queue 10 %'
export const AGING = 'LRU over images, pulled once ages 4 times as fast'
export const SHIPPED = 'entrepot: pulled once goes first above 25 %, again from 1 h on'

export const POLICIES: Record<string, Policy> = {
  [TTL]: ttlByFetchTime,
  [LRU]: lruOverBlobs,
  'LRU over images': over(() => new LruOrder()),
  [AGING]: over(() => new AgingOrder(4)),
  [SIEVE]: over(() => new SieveOrder()),
  [S3_FIFO]: over(() => new S3FifoOrder(0.1)),
  [SHIPPED]: over(() => new ShareOrder()),
  '... above 10 %': over(() => new ShareOrder(0.1)),
  '... above 20 %': over(() => new ShareOrder(0.2)),
  '... above 30 %': over(() => new ShareOrder(0.3)),
  '... again from 15 min on': over(() => new ShareOrder(), 15 * MINUTE_MS),
  '... again from 4 h on': over(() => new ShareOrder(), 4 * HOUR_MS),
  '... again from 24 h on': over(() => new ShareOrder(), 24 * HOUR_MS),
  'optimum, which knows the future': optimum,
}

function over(order: () => ImageOrder, reusedAfterMs?: number): Policy {
  return (trace, capacityBytes) => imageHitRatio(trace, capacityBytes, order(), reusedAfterMs)
}
