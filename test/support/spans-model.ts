import {
  type Resolution,
  type Sample,
  type Span,
  SPAN_MS,
  type SpanQuery,
  SPANS_KEPT_MS,
} from '../../src/inventory/span.ts'

/** The history of the statistics: every sample, added up when somebody asks. */
export class SpansModel {
  readonly #samples: Sample[] = []

  add(sample: Sample): void {
    this.#samples.push(sample)
  }

  list({ resolution, fromMs, toMs }: SpanQuery): Span[] {
    const spans = new Map<number, Span>()
    for (const { atMs, ...measured } of this.#samples) {
      const startMs = startOf(atMs, resolution)
      const before = spans.get(startMs)
      spans.set(startMs, { startMs, ...(before ? sum(before, measured) : measured) })
      for (const old of spans.keys()) {
        if (old <= atMs - SPANS_KEPT_MS[resolution]) spans.delete(old)
      }
    }
    return [...spans.values()]
      .filter(({ startMs }) => startMs >= fromMs && startMs < toMs)
      .sort((a, b) => a.startMs - b.startMs)
  }
}

function startOf(atMs: number, resolution: Resolution): number {
  return Math.floor(atMs / SPAN_MS[resolution]) * SPAN_MS[resolution]
}

type Measured = Omit<Sample, 'atMs'>

function sum(before: Measured, { pulls, bytes, ...state }: Measured): Measured {
  return {
    ...state,
    pulls: {
      hit: before.pulls.hit + pulls.hit,
      miss: before.pulls.miss + pulls.miss,
      join: before.pulls.join + pulls.join,
      stale: before.pulls.stale + pulls.stale,
      bypass: before.pulls.bypass + pulls.bypass,
    },
    bytes: {
      served: before.bytes.served + bytes.served,
      fetched: before.bytes.fetched + bytes.fetched,
    },
  }
}
