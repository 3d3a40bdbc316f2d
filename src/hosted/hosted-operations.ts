import type { GarbageListener, GarbageSummary } from './garbage-finding.ts'
import type { RollbackResult, RollbackTarget } from './rollback.ts'

/** What operators may ask of what is hosted. Throws InventoryError and StoreError. */
export interface HostedOperations {
  /** What the names of hosted repositories begin with. */
  registry: string
  /**
   * Frees what nothing needs any more, or joins the run that is under way, which goes on without
   * its listener; items are told of a dry run alone.
   */
  gc(isDryRun: boolean, listener: GarbageListener): Promise<GarbageSummary>
  /** `undefined` where the repository is none that can be pushed to. */
  rollback(target: RollbackTarget, signal: AbortSignal): Promise<RollbackResult | undefined>
}
