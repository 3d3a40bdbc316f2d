import {
  AGING,
  CAPACITIES,
  LRU,
  POLICIES,
  S3_FIFO,
  SHIPPED,
  SIEVE,
  TTL,
} from '../eviction/policies.ts'
import { buildTrace, type Trace, USUAL_SHAPE, type TraceShape } from '../eviction/trace.ts'
import { atLeast, type Section } from '../section.ts'
import { fixed } from '../statistics.ts'

const SEED = 4

const SHAPES: Record<string, TraceShape> = {
  'flatter popularity': { ...USUAL_SHAPE, exponent: 0.6 },
  'steeper popularity': { ...USUAL_SHAPE, exponent: 1.2 },
  'no scan': { ...USUAL_SHAPE, scanDays: [] },
  'five scans': { ...USUAL_SHAPE, scanDays: [20, 40, 60, 80, 100] },
  'no bursts and no one-offs': { ...USUAL_SHAPE, bursts: 0, oneOffPulls: 0 },
  'three times the one-offs': { ...USUAL_SHAPE, oneOffPulls: 3 * USUAL_SHAPE.oneOffPulls },
}

/** Whether what was chosen on the usual traces holds on others. The same figures on every machine. */
export async function evictionTraces(): Promise<Section> {
  const leads = Object.entries(SHAPES).flatMap(([shape, options]) => {
    const trace = buildTrace(SEED, options)
    const lru = ratiosOf(LRU, trace)
    return [SHIPPED, AGING, SIEVE, S3_FIFO, TTL].map((name) => ({
      shape,
      name,
      points: ratiosOf(name, trace).map((ratio, capacity) => ratio - lru[capacity]!),
    }))
  })
  const ours = leads.filter(({ name }) => name === SHIPPED)
  return {
    title: 'Eviction on other traces',
    method: `Lead over ${LRU} in percentage points of byte hit ratio, on traces that differ in one thing from those above.`,
    head: ['trace', 'policy', ...CAPACITIES.map((share) => `cache of ${fixed(100 * share, 0)} %`)],
    rows: leads.map(({ shape, name, points }) => [
      shape,
      name,
      ...points.map((lead) => fixed(lead, 2)),
    ]),
    targets: [
      atLeast(
        `eviction on other traces: lead over ${LRU}, points`,
        0,
        Math.min(...ours.flatMap(({ points }) => points)),
      ),
    ],
    samples: leads,
  }
}

function ratiosOf(name: string, trace: Trace): number[] {
  return CAPACITIES.map((share) => 100 * POLICIES[name]!(trace, share * trace.uniqueBytes))
}
