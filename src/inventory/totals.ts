import type { Transaction } from 'kysely'
import type { InventoryTotals } from './inventory.ts'
import type { Schema } from './schema.ts'

/** Belongs into every transaction that adds or removes content or changes its usage. */
export async function addToTotals(
  trx: Transaction<Schema>,
  { bytes, entries, onceBytes }: InventoryTotals,
): Promise<void> {
  await trx
    .updateTable('totals')
    .set((eb) => ({
      bytes: eb('bytes', '+', bytes),
      entries: eb('entries', '+', entries),
      once_bytes: eb('once_bytes', '+', onceBytes),
    }))
    .execute()
}
