import type { Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import { inChunks } from './chunks.ts'
import { REUSED_AFTER_MS } from './inventory.ts'
import type { ContentRow } from './rows.ts'
import type { Schema } from './schema.ts'
import { addToTotals } from './totals.ts'

/** True where its own uses make content reused. */
export function isUsedAgain(row: Pick<ContentRow, 'stored_at_ms' | 'used_at_ms'>): boolean {
  return row.used_at_ms - row.stored_at_ms >= REUSED_AFTER_MS
}

/** Notes that contents are reused, and with them all that they name. */
export async function markReused(trx: Transaction<Schema>, digests: Digest[]): Promise<void> {
  let level = digests
  while (level.length > 0) {
    const below = new Set<Digest>()
    for (const some of inChunks(level)) {
      const marked = await trx
        .updateTable('content')
        .set({ reused: 1 })
        .where('digest', 'in', some)
        .where('reused', '=', 0)
        .returning('size_bytes')
        .execute()
      const bytes = marked.reduce((sum, row) => sum + row.size_bytes, 0)
      await addToTotals(trx, { bytes: 0, entries: 0, onceBytes: -bytes })
      for (const digest of await unmarkedBelow(trx, some)) below.add(digest)
    }
    level = [...below]
  }
}

async function unmarkedBelow(trx: Transaction<Schema>, parents: Digest[]): Promise<Digest[]> {
  const rows = await trx
    .selectFrom('child')
    .innerJoin('content', 'content.digest', 'child.digest')
    .select('child.digest')
    .where('parent_digest', 'in', parents)
    .where('reused', '=', 0)
    .execute()
  return rows.map(({ digest }) => digest)
}
