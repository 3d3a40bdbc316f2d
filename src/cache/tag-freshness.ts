import type { TagRecord } from '../inventory/inventory.ts'
import { isWithin } from '../util/is-within.ts'
import type { HoldPolicy } from './tag-hold.ts'

export interface TagPolicy extends HoldPolicy {
  /** How long after the last check a record is served without asking upstream. */
  freshForMs: number
  /** How long after the last check a record may stand in while upstream fails. */
  staleForMs: number
  /** How long upstream's word that there is no such tag is believed. */
  absentForMs: number
  /** What becomes of a known tag that upstream no longer has: `drop` lets it go once it has expired. */
  onAbsent: 'serve' | 'drop'
  /** Whether tags that are used are checked before they go stale. */
  refreshAhead: boolean
}

/** While pulls are to be spared, a tag is not asked for until it is this many times as old. */
const SPARING = 12

/** fresh: serve unasked; stale: ask first, serve if upstream fails; expired: upstream must answer. */
export type Freshness = 'fresh' | 'stale' | 'expired'

export function freshnessOf(record: TagRecord, policy: TagPolicy, nowMs: number): Freshness {
  const { checkedAtMs } = record
  // What is frozen is on record as checked for ever.
  const isFrozen = checkedAtMs === Infinity
  if (isFrozen || isWithin(nowMs, checkedAtMs, policy.freshForMs)) return 'fresh'
  return nowMs - checkedAtMs < policy.freshForMs + policy.staleForMs ? 'stale' : 'expired'
}

/** Whether a record that is stale is served unasked while upstream's pulls are to be spared. */
export function isSpared(record: TagRecord, policy: TagPolicy, nowMs: number): boolean {
  const isYoung = nowMs - record.checkedAtMs < policy.freshForMs * SPARING
  return isYoung && freshnessOf(record, policy, nowMs) === 'stale'
}
