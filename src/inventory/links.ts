import type { Kysely, Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import { inChunks } from './chunks.ts'
import type { LinkedContent, LinkQuery, RepositoryId } from './inventory.ts'
import { repositoryIdOf } from './repositories.ts'
import type { Schema } from './schema.ts'

/** See Inventory.renewLink. */
export async function renewLink(
  trx: Transaction<Schema>,
  digest: Digest,
  repository: RepositoryId,
  atMs: number,
): Promise<boolean> {
  const repositoryId = await repositoryIdOf(trx, repository)
  if (repositoryId === undefined) return false
  const link = await trx
    .selectFrom('link')
    .select('linked_at_ms')
    .where('digest', '=', digest)
    .where('repository_id', '=', repositoryId)
    .executeTakeFirst()
  if (!link) return false
  if (link.linked_at_ms >= atMs) return true
  await trx
    .updateTable('link')
    .set({ linked_at_ms: atMs })
    .where('digest', '=', digest)
    .where('repository_id', '=', repositoryId)
    .execute()
  return true
}

/** See Inventory.unlink. */
export async function unlink(
  trx: Transaction<Schema>,
  digest: Digest,
  repository: RepositoryId,
  linkedBeforeMs: number | undefined,
): Promise<boolean> {
  const repositoryId = await repositoryIdOf(trx, repository)
  if (repositoryId === undefined) return false
  const links = trx
    .deleteFrom('link')
    .where('digest', '=', digest)
    .where('repository_id', '=', repositoryId)
    .returning('digest')
  const old =
    linkedBeforeMs === undefined ? links : links.where('linked_at_ms', '<', linkedBeforeMs)
  if (!(await old.executeTakeFirst())) return false
  for (const table of ['tag', 'subject', 'referrers'] as const) {
    await trx
      .deleteFrom(table)
      .where('digest', '=', digest)
      .where('repository_id', '=', repositoryId)
      .execute()
  }
  await noteUnlinked(trx, digest)
  return true
}

async function noteUnlinked(trx: Transaction<Schema>, digest: Digest): Promise<void> {
  const left = await trx
    .selectFrom('link')
    .select('digest')
    .where('digest', '=', digest)
    .limit(1)
    .executeTakeFirst()
  if (left) return
  await trx
    .insertInto('unlinked')
    .values({ digest })
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .execute()
}

/** See Inventory.unlinked. */
export async function unlinkedContents(
  db: Kysely<Schema>,
  after: Digest | undefined,
  limit: number,
): Promise<Digest[]> {
  const all = db
    .selectFrom('unlinked')
    .innerJoin('content', 'content.digest', 'unlinked.digest')
    .select('unlinked.digest')
    .where('parents', '=', 0)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('link')
            .select('link.digest')
            .whereRef('link.digest', '=', 'unlinked.digest'),
        ),
      ),
    )
    .orderBy('unlinked.digest')
    .limit(limit)
  const rows = await (after ? all.where('unlinked.digest', '>', after) : all).execute()
  return rows.map(({ digest }) => digest)
}

/** See Inventory.linkedBytes. */
export async function linkedBytes(
  trx: Transaction<Schema>,
  repository: RepositoryId,
  except: readonly Digest[],
): Promise<number> {
  const repositoryId = await repositoryIdOf(trx, repository)
  if (repositoryId === undefined) return 0
  let total = 0
  // Each has an index of its own.
  for (const is of ['is', 'is not'] as const) {
    const all = trx
      .selectFrom('link')
      .innerJoin('content', 'content.digest', 'link.digest')
      .select((eb) => eb.fn.sum<number | null>('size_bytes').as('bytes'))
      .where('repository_id', '=', repositoryId)
      .where('link.used_at_ms', is, null)
    const counted = except.length > 0 ? all.where('link.digest', 'not in', except) : all
    const { bytes } = await counted.executeTakeFirstOrThrow()
    total += bytes ?? 0
  }
  return total
}

/** See Inventory.linked. */
export async function linkedContents(
  trx: Transaction<Schema>,
  { repository, kind, after, limit }: LinkQuery,
): Promise<LinkedContent[]> {
  const repositoryId = await repositoryIdOf(trx, repository)
  if (repositoryId === undefined) return []
  const all = trx
    .selectFrom('link')
    .innerJoin('content', 'content.digest', 'link.digest')
    .select(['link.digest', 'size_bytes', 'linked_at_ms', 'link.used_at_ms'])
    .where('repository_id', '=', repositoryId)
    .where('link.used_at_ms', kind === 'manifest' ? 'is not' : 'is', null)
    .orderBy('link.digest')
    .limit(limit)
  const rows = await (after ? all.where('link.digest', '>', after) : all).execute()
  const manifests = kind === 'manifest' ? rows.map(({ digest }) => digest) : []
  const children = await namedBy(trx, manifests)
  const subjects = await subjectsOf(trx, repositoryId, manifests)
  return rows.map(({ digest, size_bytes, linked_at_ms, used_at_ms }) => ({
    digest,
    sizeBytes: size_bytes,
    linkedAtMs: linked_at_ms,
    usedAtMs: used_at_ms ?? 0,
    children: children.get(digest) ?? [],
    subjects: subjects.get(digest) ?? [],
  }))
}

export async function namedBy(
  trx: Transaction<Schema>,
  manifests: Digest[],
): Promise<Map<Digest, Digest[]>> {
  const rows: Edge[] = []
  for (const some of inChunks(manifests)) {
    const edges = await trx
      .selectFrom('child')
      .select(['parent_digest as from', 'digest as to'])
      .distinct()
      .where('parent_digest', 'in', some)
      .orderBy('digest')
      .execute()
    rows.push(...edges)
  }
  return byStart(rows)
}

async function subjectsOf(
  trx: Transaction<Schema>,
  repositoryId: number,
  manifests: Digest[],
): Promise<Map<Digest, Digest[]>> {
  const rows: Edge[] = []
  for (const some of inChunks(manifests)) {
    const edges = await trx
      .selectFrom('subject')
      .select(['digest as from', 'subject as to'])
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', some)
      .orderBy('subject')
      .execute()
    rows.push(...edges)
  }
  return byStart(rows)
}

interface Edge {
  from: Digest
  to: Digest
}

function byStart(edges: Edge[]): Map<Digest, Digest[]> {
  const ends = new Map<Digest, Digest[]>()
  for (const { from, to } of edges) {
    const known = ends.get(from)
    if (known) known.push(to)
    else ends.set(from, [to])
  }
  return ends
}
