import type { ExpressionBuilder, Kysely } from 'kysely'
import type { Repository } from '../oci/reference.ts'
import type { ContentKind, RepositoryId, RepositoryQuery } from './inventory.ts'
import type { Schema } from './schema.ts'

/** See Inventory.repositories. */
export async function repositoryNames(
  db: Kysely<Schema>,
  { registry, kind, after, limit }: RepositoryQuery,
): Promise<Repository[]> {
  const rows = await db
    .selectFrom('repository')
    .select('name')
    .where('registry', '=', registry)
    .where('name', '>', after as Repository)
    .where((eb) => linksContent(eb, kind))
    .orderBy('name')
    .limit(limit)
    .execute()
  return rows.map(({ name }) => name)
}

/** Whether the repository links content, of this kind where one is given. */
export function linksContent(
  eb: ExpressionBuilder<Schema, 'repository'>,
  kind: ContentKind | undefined,
) {
  const links = eb
    .selectFrom('link')
    .select('link.digest')
    .whereRef('link.repository_id', '=', 'repository.id')
  // Each has an index of its own, which has only these.
  const manifests = eb.exists(links.where('link.used_at_ms', 'is not', null))
  const blobs = eb.exists(links.where('link.used_at_ms', 'is', null))
  if (kind) return kind === 'manifest' ? manifests : blobs
  return eb.or([manifests, blobs])
}

/** The row of a repository; `undefined` where nothing is known of it. */
export async function repositoryIdOf(
  db: Kysely<Schema>,
  { registry, name }: RepositoryId,
): Promise<number | undefined> {
  const row = await db
    .selectFrom('repository')
    .select('id')
    .where('registry', '=', registry)
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.id
}
