import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import { inChunks } from './chunks.ts'
import { containing } from './containing.ts'
import { measure, treeOf } from './image-tree.ts'
import type { Image, ImageQuery, RepositoryId } from './inventory.ts'
import { contentOf, type ContentRow } from './rows.ts'
import type { Schema } from './schema.ts'

type RowQuery = Pick<ImageQuery, 'search' | 'limit'>

type ImageRow = ContentRow & { repository_id: number; registry: string; name: Repository }

/** See Inventory.images. */
export async function imagesOf(
  db: Kysely<Schema>,
  { repository, search, after, limit }: ImageQuery,
): Promise<Image[]> {
  const rows: ImageRow[] = []
  const first = repository ?? after?.repository
  if (first) rows.push(...(await rowsOf(db, first, after?.digest, { search, limit })))
  if (!repository) {
    const rest = { search, limit: limit - rows.length }
    rows.push(...(await rowsBehind(db, after?.repository, rest)))
  }
  const tags = await tagsOf(db, rows)
  const tree = await treeOf(
    db,
    rows.map(({ digest }) => digest),
  )
  const linked = new Map<string, Set<Digest>>()
  for (const registry of new Set(rows.map((row) => row.registry))) {
    linked.set(registry, await linkedWithin(db, registry, [...tree.keys()]))
  }
  return rows.map((row) => ({
    ...contentOf(row),
    repository: { registry: row.registry, name: row.name },
    tags: tags.get(keyOf(row)) ?? [],
    ...measure(tree, row.digest, linked.get(row.registry) ?? new Set()),
  }))
}

/** Those of the digests that some repository of the registry links. */
async function linkedWithin(
  db: Kysely<Schema>,
  registry: string,
  digests: Digest[],
): Promise<Set<Digest>> {
  // Nearly all are linked, so that those that are not are told. A base layer may have thousands of
  // links, of which one will do.
  const { rows } = await sql<{ digest: Digest }>`
    select value as digest from json_each(${JSON.stringify(digests)}) as held
    where not exists (
      select link.digest from link
      inner join repository on repository.id = link.repository_id
      where link.digest = held.value and registry = ${registry}
    )
  `.execute(db)
  const linked = new Set(digests)
  for (const { digest } of rows) linked.delete(digest)
  return linked
}

function rowsOf(
  db: Kysely<Schema>,
  { registry, name }: RepositoryId,
  after: Digest | undefined,
  query: RowQuery,
): Promise<ImageRow[]> {
  const rows = imageRows(db, query)
    .where('registry', '=', registry)
    .where('repository.name', '=', name)
  return (after ? rows.where('link.digest', '>', after) : rows).execute()
}

/** Of the repositories that come after one; of all where none is given. */
function rowsBehind(
  db: Kysely<Schema>,
  after: RepositoryId | undefined,
  query: RowQuery,
): Promise<ImageRow[]> {
  const rows = imageRows(db, query)
  if (!after) return rows.execute()
  return rows
    .where((eb) =>
      eb(eb.refTuple('registry', 'repository.name'), '>', eb.tuple(after.registry, after.name)),
    )
    .execute()
}

function imageRows(db: Kysely<Schema>, { search, limit }: RowQuery) {
  const rows = allImageRows(db).limit(limit)
  if (search === undefined) return rows
  return rows.where((eb) => {
    const name = sql<string>`registry || '/' || repository.name`
    return eb.or([
      containing(name, search),
      eb.exists(tagOfLink(eb).where(containing(sql<string>`${name} || ':' || tag.name`, search))),
    ])
  })
}

function allImageRows(db: Kysely<Schema>) {
  return (
    db
      .selectFrom('repository')
      // A cross join keeps SQLite to this order, in which nothing has to be sorted.
      .crossJoin('link')
      .innerJoin('content', 'content.digest', 'link.digest')
      .selectAll('content')
      .select(['link.repository_id', 'registry', 'repository.name'])
      .whereRef('link.repository_id', '=', 'repository.id')
      .where('link.used_at_ms', 'is not', null)
      .where((eb) => eb.or([eb('parents', '=', 0), eb.exists(tagOfLink(eb))]))
      .orderBy('registry')
      .orderBy('repository.name')
      .orderBy('link.digest')
  )
}

/** The tags of the link's repository that stand for its content. */
function tagOfLink(eb: ExpressionBuilder<Schema, 'link'>) {
  return eb
    .selectFrom('tag')
    .select('tag.name')
    .whereRef('tag.digest', '=', 'link.digest')
    .whereRef('tag.repository_id', '=', 'link.repository_id')
}

async function tagsOf(db: Kysely<Schema>, images: ImageRow[]): Promise<Map<string, Tag[]>> {
  const tags = new Map<string, Tag[]>()
  for (const some of inChunks(images)) {
    const digests = some.map(({ digest }) => digest)
    const rows = await db
      .selectFrom('tag')
      .select(['repository_id', 'digest', 'name'])
      .where('digest', 'in', digests)
      .orderBy('name')
      .execute()
    for (const row of rows) {
      const key = keyOf(row)
      tags.set(key, [...(tags.get(key) ?? []), row.name])
    }
  }
  return tags
}

function keyOf(row: { repository_id: number; digest: Digest }): string {
  return `${row.repository_id} ${row.digest}`
}
