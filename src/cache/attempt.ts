import { InventoryError } from '../inventory/inventory-error.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events, FailedOperation } from '../telemetry/events.ts'

/** Does what can be done without: `undefined` where store or inventory fail, which is reported. */
export async function attempt<T>(
  events: Events,
  operation: Omit<FailedOperation, 'error'>,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreError) events.storeFailed({ ...operation, error })
    else if (error instanceof InventoryError) events.inventoryFailed({ ...operation, error })
    else throw error
    return undefined
  }
}
