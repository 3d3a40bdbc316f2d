import type { Totals } from '../telemetry/events.ts'

/** How long a span of the history is. */
export const SPAN_MS = { minute: 60_000, hour: 60 * 60_000 } as const

/** For how long spans are kept: minutes for a day, hours for a quarter. */
export const SPANS_KEPT_MS = { minute: 24 * 60 * 60_000, hour: 92 * 24 * 60 * 60_000 } as const

export type Resolution = keyof typeof SPAN_MS

/** What an upstream still allows, summed over those of our users whom it tells a limit. */
export interface UpstreamBudget {
  upstream: string
  limit: number
  remaining: number
}

/** How much was counted, and how things stood at the end of that. */
interface Measured extends Pick<Totals, 'pulls' | 'bytes'> {
  storeBytes: number
  budgets: UpstreamBudget[]
}

/** What was counted since the sample before. */
export interface Sample extends Measured {
  /** The minute and the hour that it belongs to. */
  atMs: number
}

/** What was counted in a minute or an hour, which begins at `startMs`. */
export interface Span extends Measured {
  startMs: number
}

export interface SpanQuery {
  resolution: Resolution
  /** Spans that begin at this time or later, */
  fromMs: number
  /** and before this. */
  toMs: number
}
