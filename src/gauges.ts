import type { Fills } from './cache/fills.ts'
import type { Space } from './cache/space.ts'
import type { TagControl } from './cache/tag-control.ts'
import type { Metrics } from './telemetry/metrics.ts'

export interface GaugedParts {
  space: Space
  fills: Fills
  tags: TagControl
}

/** Says where the metrics are read that parts know anyway. */
export function readGauges(metrics: Metrics, { space, fills, tags }: GaugedParts): void {
  metrics.storeBytes.from(async () => (await space.measure())?.heldBytes)
  metrics.storeLimitBytes.from(() => Promise.resolve(space.maxBytes))
  metrics.diskFreeBytes.from(async () => (await space.measure())?.freeBytes)
  metrics.diskMinFreeBytes.from(async () => (await space.measure())?.minFreeBytes)
  metrics.fillsInProgress.from(() => Promise.resolve(fills.list().length))
  metrics.tagsHeld.from(() => tags.heldCount())
}
