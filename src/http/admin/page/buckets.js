// @ts-check
import { sumOf } from './pulls.js'

/** @import { StatsSpan } from '../../../admin-stats.ts' */

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/**
 * What can be looked at: how far back, in which spans it is asked for, and how many go together.
 *
 * @typedef {{ name: string, resolution: 'minute' | 'hour', unitMs: number, lengthMs: number, bucketMs: number }} Range
 * @type {Readonly<Record<string, Range>>}
 */
export const RANGES = {
  hour: {
    name: 'last hour',
    resolution: 'minute',
    unitMs: MINUTE_MS,
    lengthMs: HOUR_MS,
    bucketMs: MINUTE_MS,
  },
  day: {
    name: 'last day',
    resolution: 'minute',
    unitMs: MINUTE_MS,
    lengthMs: DAY_MS,
    bucketMs: 15 * MINUTE_MS,
  },
  week: {
    name: 'last week',
    resolution: 'hour',
    unitMs: HOUR_MS,
    lengthMs: 7 * DAY_MS,
    bucketMs: 2 * HOUR_MS,
  },
  quarter: {
    name: 'last quarter',
    resolution: 'hour',
    unitMs: HOUR_MS,
    lengthMs: 91 * DAY_MS,
    bucketMs: DAY_MS,
  },
}

/** What was counted in some time. */
class Counts {
  pulls = 0
  /** Pulls for which upstream gave no content. */
  savedPulls = 0
  servedBytes = 0
  fetchedBytes = 0

  /** @param {StatsSpan} span */
  add({ pulls, bytes }) {
    const { all, saved } = sumOf(pulls)
    this.pulls += all
    this.savedPulls += saved
    this.servedBytes += bytes.served
    this.fetchedBytes += bytes.fetched
  }

  /** `null` where nothing was pulled. */
  get ratio() {
    return this.pulls === 0 ? null : this.savedPulls / this.pulls
  }
}

/**
 * The spans of a range put together, so that each bucket is whole: they end with the last span
 * that is over.
 *
 * @param {readonly StatsSpan[]} spans
 * @param {Range} range
 * @param {number} nowMs
 */
export function bucketsOf(spans, { unitMs, lengthMs, bucketMs }, nowMs) {
  const endMs = Math.floor(nowMs / unitMs) * unitMs
  const startMs = endMs - lengthMs
  const total = new Counts()
  const buckets = Array.from({ length: lengthMs / bucketMs }, (_, index) => ({
    startMs: startMs + index * bucketMs,
    /** Nothing is known of the time before the first span. */
    isKnown: false,
    counts: new Counts(),
  }))
  let firstKnown = buckets.length
  for (const span of spans) {
    const index = Math.floor((Date.parse(span.start) - startMs) / bucketMs)
    const bucket = buckets[index]
    if (!bucket) continue
    bucket.counts.add(span)
    total.add(span)
    firstKnown = Math.min(firstKnown, index)
  }
  for (const bucket of buckets.slice(firstKnown)) bucket.isKnown = true
  return { buckets, total }
}
