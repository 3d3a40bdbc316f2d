import { lruOverBlobs, ttlByFetchTime } from '../eviction/blob-caches.ts'
import { S3FifoOrder, SieveOrder } from '../eviction/fifo-orders.ts'
import { type ImageOrder, imageHitRatio } from '../eviction/image-cache.ts'
import { optimum } from '../eviction/optimum.ts'
import { AgingOrder, LruOrder, ShareOrder } from '../eviction/orders.ts'
import { buildTrace, type Trace } from '../eviction/trace.ts'
import { fixed, spread } from '../statistics.ts'
import { atLeast, type Section } from '../section.ts'

const SEEDS = [1, 2, 3]

/** Of the unique bytes of the trace. */
const CAPACITIES = [0.05, 0.1, 0.2, 0.4]

const SHIPPED = 'entrepot: pulled once goes first, above 25 %'
const LRU = 'LRU over blobs'
const TTL = 'TTL by fetch time, 7 days (distribution)'

/** Each gives the byte hit ratio of a trace through a capacity. */
const POLICIES: Record<string, (trace: Trace, capacityBytes: number) => number> = {
  [TTL]: ttlByFetchTime,
  [LRU]: lruOverBlobs,
  'LRU over images': over(() => new LruOrder()),
  'LRU over images, pulled once ages 4 times as fast': over(() => new AgingOrder(4)),
  'SIEVE over images': over(() => new SieveOrder()),
  'S3-FIFO over images, small queue 10 %': over(() => new S3FifoOrder(0.1)),
  'pulled once goes first, above 10 %': over(() => new ShareOrder(0.1)),
  'pulled once goes first, above 20 %': over(() => new ShareOrder(0.2)),
  [SHIPPED]: over(() => new ShareOrder()),
  'pulled once goes first, above 30 %': over(() => new ShareOrder(0.3)),
  'optimum, which knows the future': optimum,
}

type Ratios = Record<string, number[][]>

/** How much of what is pulled comes from the cache, by policy. The same figures on every machine. */
export async function eviction(): Promise<Section> {
  const traces = SEEDS.map(buildTrace)
  const ratios: Ratios = {}
  for (const [name, policy] of Object.entries(POLICIES)) {
    ratios[name] = CAPACITIES.map((share) =>
      traces.map((trace) => 100 * policy(trace, share * trace.uniqueBytes)),
    )
  }
  return {
    title: 'Eviction',
    method: methodOf(traces),
    head: ['policy', ...CAPACITIES.map((share) => `cache of ${fixed(100 * share, 0)} %`)],
    rows: [
      ...Object.entries(ratios).map(([name, ofName]) => [
        name,
        ...ofName.map((ofCapacity) => spread(ofCapacity, 1)),
      ]),
      ...[LRU, TTL].map((other) => [
        `entrepot's least lead over ${other}, points`,
        ...leadsOver(other, ratios).map((lead) => fixed(lead, 2)),
      ]),
    ],
    targets: [LRU, TTL].map((other) =>
      atLeast(`eviction: lead over ${other}, points`, 0, Math.min(...leadsOver(other, ratios))),
    ),
    samples: ratios,
  }
}

function over(order: () => ImageOrder) {
  return (trace: Trace, capacityBytes: number) => imageHitRatio(trace, capacityBytes, order())
}

/** In percentage points, of each capacity for the seed where it is least. */
function leadsOver(other: string, ratios: Ratios): number[] {
  return CAPACITIES.map((_, capacity) =>
    Math.min(
      ...SEEDS.map(
        (_, seed) => ratios[SHIPPED]![capacity]![seed]! - ratios[other]![capacity]![seed]!,
      ),
    ),
  )
}

function methodOf(traces: readonly Trace[]): string {
  const pulls = traces.map((trace) => trace.pulls.length / 1000)
  const gibibytes = traces.map((trace) => trace.uniqueBytes / 2 ** 30)
  return `Byte hit ratio in per cent, median (least-most) of ${SEEDS.length} seeds, for caches of a part of the unique bytes. A trace is four months of a team's pulls, ${spread(pulls, 0)} thousand of ${spread(gibibytes, 0)} GiB: repositories with Zipf's popularity whose tags move on, shared base layers that are rebuilt, bursts of CI, images that are tried once, and one night a scan of 3,000 images that nobody else wants. All policies evict from 95 % of the cache down to 85 %; those over images evict an image with what only it needs. The shipped one runs its own code on the simulated cache. Nothing can exceed the optimum: Belady's algorithm on single bytes, which may hold a blob in part. Images count as pulled again from an hour after they were stored. Shares from 20 to 30 % differ by some tenths of a point, also on traces with flatter or steeper popularity, no scan or five, no bursts, more one-offs; 25 % is their middle, and led both others on all of these. SIEVE fell behind LRU where popularity is flat; ageing let scans push out what was not used for a few days.`
}
