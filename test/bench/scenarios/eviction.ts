import { CAPACITIES, LRU, POLICIES, SHIPPED, TTL } from '../eviction/policies.ts'
import { buildTrace, type Trace, USUAL_SHAPE } from '../eviction/trace.ts'
import { atLeast, type Section } from '../section.ts'
import { fixed, spread } from '../statistics.ts'

const SEEDS = [1, 2, 3]

/** By policy, capacity and seed. */
type Ratios = Record<string, number[][]>

/** How much of what is pulled comes from the cache, by policy. The same figures on every machine. */
export async function eviction(): Promise<Section> {
  const traces = SEEDS.map((seed) => buildTrace(seed, USUAL_SHAPE))
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
  return `Byte hit ratio in per cent, median (least-most) of ${SEEDS.length} seeds, for caches of a part of the unique bytes. A trace is four months of a team's pulls, ${spread(pulls, 0)} thousand of ${spread(gibibytes, 0)} GiB: repositories with Zipf's popularity whose tags move on, shared base layers that are rebuilt, bursts of CI, images that are tried once, and one night a scan of 3,000 images that nobody else wants. All policies evict from 95 % of the cache down to 85 %; those over images evict an image with what only it needs. The shipped one runs its own code on the simulated cache, and stands above its variants. Nothing can exceed the optimum: Belady's algorithm on single bytes, which may hold a blob in part.`
}
