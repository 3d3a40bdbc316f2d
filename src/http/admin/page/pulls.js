// @ts-check

/** @import { PullCounts } from '../../../admin-stats.ts' */

/**
 * How many there were, and for what share of them upstream gave no content: `null` where there
 * were none.
 *
 * @param {PullCounts} pulls
 */
export function sumOf({ hit, miss, join, stale, bypass }) {
  const saved = hit + join + stale
  const all = saved + miss + bypass
  return { all, saved, ratio: all === 0 ? null : saved / all }
}
