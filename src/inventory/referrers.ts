import type { Kysely, Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Referrer } from '../oci/referrers.ts'
import type { ReferrersRecord, RepositoryId } from './inventory.ts'
import type { Schema } from './schema.ts'
import { kindOf, putRepository } from './writes.ts'

export async function referrersRecord(
  db: Kysely<Schema>,
  digest: Digest,
  { registry, name }: RepositoryId,
): Promise<ReferrersRecord | undefined> {
  const row = await db
    .selectFrom('referrers')
    .innerJoin('repository', 'repository.id', 'referrers.repository_id')
    .select(['list', 'checked_at_ms'])
    .where('digest', '=', digest)
    .where('repository.registry', '=', registry)
    .where('repository.name', '=', name)
    .executeTakeFirst()
  return row && { referrers: JSON.parse(row.list) as Referrer[], checkedAtMs: row.checked_at_ms }
}

/** False where the content is not held. */
export async function putReferrers(
  trx: Transaction<Schema>,
  digest: Digest,
  repository: RepositoryId,
  { referrers, checkedAtMs }: ReferrersRecord,
): Promise<boolean> {
  if (!(await kindOf(trx, digest))) return false
  const row = {
    digest,
    repository_id: await putRepository(trx, repository),
    list: JSON.stringify(referrers),
    checked_at_ms: checkedAtMs,
  }
  await trx
    .insertInto('referrers')
    .values(row)
    .onConflict((conflict) => conflict.columns(['digest', 'repository_id']).doUpdateSet(row))
    .execute()
  return true
}
