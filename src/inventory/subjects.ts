import type { Kysely, Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Referrer, Referring } from '../oci/referrers.ts'
import type { RepositoryId } from './inventory.ts'
import type { Schema } from './schema.ts'

/** What content that a repository links refers to there. */
export async function putSubject(
  trx: Transaction<Schema>,
  repositoryId: number,
  { subject, referrer }: Referring,
): Promise<void> {
  const { digest } = referrer
  const entry = JSON.stringify(referrer)
  await trx
    .insertInto('subject')
    .values({ repository_id: repositoryId, subject, digest, entry })
    .onConflict((conflict) => conflict.columns(['repository_id', 'subject', 'digest']).doNothing())
    .execute()
}

/** See Inventory.referringTo. */
export async function referringTo(
  db: Kysely<Schema>,
  { registry, name }: RepositoryId,
  subject: Digest,
): Promise<Referrer[]> {
  const rows = await db
    .selectFrom('subject')
    .innerJoin('repository', 'repository.id', 'subject.repository_id')
    .select('entry')
    .where('registry', '=', registry)
    .where('repository.name', '=', name)
    .where('subject.subject', '=', subject)
    .orderBy('subject.digest')
    .execute()
  return rows.map(({ entry }) => JSON.parse(entry) as Referrer)
}
