import { type Kysely, sql } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import { inChunks } from './chunks.ts'
import type { Candidate, ContentName, RootQuery, Usage } from './inventory.ts'
import { nameIn } from './name-in.ts'
import { contentOf, type ContentRow } from './rows.ts'
import type { Schema } from './schema.ts'

/** Those of the contents that are held, in order of digest. */
export async function candidatesOf(db: Kysely<Schema>, digests: Digest[]): Promise<Candidate[]> {
  const candidates: Candidate[] = []
  for (const some of inChunks(digests.toSorted())) {
    const rows = await db
      .selectFrom('content')
      .selectAll()
      .where('digest', 'in', some)
      .orderBy('digest')
      .execute()
    candidates.push(...(await withNames(db, rows)))
  }
  return candidates
}

/** See Inventory.children. */
export async function childrenOf(db: Kysely<Schema>, digest: Digest): Promise<Candidate[]> {
  const children = await db
    .selectFrom('child')
    .select('digest')
    .distinct()
    .where('parent_digest', '=', digest)
    .execute()
  return candidatesOf(
    db,
    children.map((child) => child.digest),
  )
}

/** See Inventory.lineage. */
export async function lineageOf(db: Kysely<Schema>, digest: Digest): Promise<Candidate[]> {
  const lineage = new Set([digest])
  for (let level = [digest]; level.length > 0;) {
    const parents: Digest[] = []
    for (const some of inChunks(level)) parents.push(...(await parentsOf(db, some)))
    level = parents.filter((parent) => !lineage.has(parent))
    for (const parent of level) lineage.add(parent)
  }
  return candidatesOf(db, [...lineage])
}

/** The manifests that are held and name any of these. */
export async function parentsOf(db: Kysely<Schema>, digests: Digest[]): Promise<Digest[]> {
  const rows = await db
    .selectFrom('child')
    .select('parent_digest')
    .distinct()
    .where('digest', 'in', digests)
    .execute()
  return rows.map((row) => row.parent_digest)
}

/** See Inventory.roots. */
export async function rootsOf(
  db: Kysely<Schema>,
  { usage, after, limit }: RootQuery,
): Promise<Candidate[]> {
  const roots = db
    .selectFrom('content')
    .selectAll()
    // Said literally, since the index holds only these.
    .where('parents', '=', sql.lit(0))
    .where('reused', '=', usage === 'again' ? 1 : 0)
    .orderBy('used_at_ms')
    .orderBy('digest')
    .limit(limit)
  const page = after
    ? roots.where((eb) =>
        eb(eb.refTuple('used_at_ms', 'digest'), '>', eb.tuple(after.usedAtMs, after.digest)),
      )
    : roots
  return withNames(db, await page.execute())
}

async function withNames(db: Kysely<Schema>, rows: ContentRow[]): Promise<Candidate[]> {
  const names = await namesOf(
    db,
    rows.map(({ digest }) => digest),
  )
  return rows.map((row) => ({
    ...contentOf(row),
    usage: usageOf(row),
    parents: row.parents,
    names: names.get(row.digest) ?? [],
  }))
}

function usageOf({ reused }: ContentRow): Usage {
  return reused === 1 ? 'again' : 'once'
}

/** Sorted here, which SQLite takes longer for than for all the rest. */
async function namesOf(db: Kysely<Schema>, digests: Digest[]): Promise<Map<Digest, ContentName[]>> {
  const names = new Map<Digest, ContentName[]>(digests.map((digest) => [digest, []]))
  for (const { digest, registry, name } of await linkRows(db, digests)) {
    names.get(digest)?.push({ repository: { registry, name }, tags: [] })
  }
  for (const { digest, registry, name, tag } of await tagRows(db, digests)) {
    const known = nameIn(names.get(digest) ?? [], { registry, name })
    if (known) known.tags.push(tag)
    else names.get(digest)?.push({ repository: { registry, name }, tags: [tag] })
  }
  for (const ofContent of names.values()) {
    ofContent.sort(byRepository)
    for (const { tags } of ofContent) tags.sort()
  }
  return names
}

interface NamedRow {
  digest: Digest
  registry: string
  name: Repository
}

function linkRows(db: Kysely<Schema>, digests: Digest[]): Promise<NamedRow[]> {
  return db
    .selectFrom('link')
    .innerJoin('repository', 'repository.id', 'link.repository_id')
    .select(['link.digest', 'registry', 'repository.name'])
    .where('link.digest', 'in', digests)
    .execute()
}

function tagRows(db: Kysely<Schema>, digests: Digest[]): Promise<(NamedRow & { tag: Tag })[]> {
  return db
    .selectFrom('tag')
    .innerJoin('repository', 'repository.id', 'tag.repository_id')
    .select(['tag.digest', 'registry', 'repository.name', 'tag.name as tag'])
    .where('tag.digest', 'in', digests)
    .execute()
}

function byRepository({ repository: a }: ContentName, { repository: b }: ContentName): number {
  if (a.registry !== b.registry) return a.registry < b.registry ? -1 : 1
  return a.name < b.name ? -1 : 1
}
