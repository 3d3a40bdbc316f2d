import type { PullCounts } from '../admin-stats.ts'
import { percentText } from './format.ts'

/** Pulls in all, and those of them that needed no content from upstream. */
export function pullsOf({ hit, join, stale, miss, bypass }: PullCounts) {
  const here = hit + join + stale
  return { here, all: here + miss + bypass }
}

export function ratioText(pulls: PullCounts): string {
  const { here, all } = pullsOf(pulls)
  return percentText(here, all)
}
