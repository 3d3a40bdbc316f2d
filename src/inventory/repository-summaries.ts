import { setImmediate } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { Repository } from '../oci/reference.ts'
import { containing } from './containing.ts'
import type { ContentKind, RepositorySummary, SummaryQuery } from './inventory.ts'
import { linksContent } from './repositories.ts'
import type { Schema } from './schema.ts'

interface RepositoryRow {
  id: number
  registry: string
  name: Repository
}

interface Sums {
  images: number
  bytes: number
  shared_bytes: number
  used_at_ms: number
}

/** See Inventory.repositorySummaries. */
export async function repositorySummaries(
  db: Kysely<Schema>,
  query: SummaryQuery,
): Promise<RepositorySummary[]> {
  const summaries: RepositorySummary[] = []
  for (const { id, registry, name } of await rowsOf(db, query)) {
    const manifests = await sumsOf(db, id, 'manifest')
    const blobs = await sumsOf(db, id, 'blob')
    summaries.push({
      repository: { registry, name },
      images: manifests.images,
      heldBytes: manifests.bytes + blobs.bytes,
      sharedBytes: manifests.shared_bytes + blobs.shared_bytes,
      usedAtMs: manifests.used_at_ms,
    })
    // A repository of thousands of images must not hold up the pulls of the same process.
    await setImmediate()
  }
  return summaries
}

function rowsOf(
  db: Kysely<Schema>,
  { search, after, limit }: SummaryQuery,
): Promise<RepositoryRow[]> {
  let rows = db
    .selectFrom('repository')
    .selectAll()
    .where((eb) => linksContent(eb, undefined))
    .orderBy('registry')
    .orderBy('name')
    .limit(limit)
  if (search !== undefined) {
    rows = rows.where(containing(sql<string>`registry || '/' || name`, search))
  }
  if (after) {
    rows = rows.where((eb) =>
      eb(eb.refTuple('registry', 'name'), '>', eb.tuple(after.registry, after.name)),
    )
  }
  return rows.execute()
}

async function sumsOf(db: Kysely<Schema>, repositoryId: number, kind: ContentKind): Promise<Sums> {
  const isOfKind = kind === 'manifest' ? sql`is not null` : sql`is null`
  const { rows } = await sql<Sums>`
    select
      count(case when link.used_at_ms is not null and (content.parents = 0 or exists (
        select 1 from tag
        where tag.digest = link.digest and tag.repository_id = link.repository_id
      )) then 1 end) as images,
      coalesce(sum(content.size_bytes), 0) as bytes,
      coalesce(sum(case when exists (
        select 1 from link as other
        where other.digest = link.digest and other.repository_id <> link.repository_id
      ) then content.size_bytes end), 0) as shared_bytes,
      coalesce(max(link.used_at_ms), 0) as used_at_ms
    from link inner join content on content.digest = link.digest
    where link.repository_id = ${repositoryId} and link.used_at_ms ${isOfKind}
  `.execute(db)
  return rows[0] ?? { images: 0, bytes: 0, shared_bytes: 0, used_at_ms: 0 }
}
