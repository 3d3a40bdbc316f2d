import type { Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { RepositoryId } from './inventory.ts'
import type { Schema } from './schema.ts'

/** See Inventory.unlink. */
export async function unlink(
  trx: Transaction<Schema>,
  digest: Digest,
  { registry, name }: RepositoryId,
): Promise<boolean> {
  const repository = await trx
    .selectFrom('repository')
    .select('id')
    .where('registry', '=', registry)
    .where('name', '=', name)
    .executeTakeFirst()
  if (!repository) return false
  for (const table of ['tag', 'subject'] as const) {
    await trx
      .deleteFrom(table)
      .where('digest', '=', digest)
      .where('repository_id', '=', repository.id)
      .execute()
  }
  const unlinked = await trx
    .deleteFrom('link')
    .where('digest', '=', digest)
    .where('repository_id', '=', repository.id)
    .returning('digest')
    .executeTakeFirst()
  return unlinked !== undefined
}
