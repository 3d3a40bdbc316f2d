import { type Kysely, sql, type Transaction } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Content, InventoryTotals, RepositoryId, Use } from './inventory.ts'
import { columnsOf } from './rows.ts'
import type { Schema } from './schema.ts'

/** Rows in one statement, well below any database's limit of parameters. */
const ROWS_PER_STATEMENT = 100

/** Adds content to what is held. What is held stays as it is, except that a blob which turns out to be a manifest becomes one. */
export async function putContent(trx: Transaction<Schema>, content: Content): Promise<void> {
  const held = await trx
    .selectFrom('content')
    .select('kind')
    .where('digest', '=', content.digest)
    .executeTakeFirst()
  if (!held) {
    await trx
      .insertInto('content')
      .values({
        ...columnsOf(content),
        kind: content.kind,
        stored_at_ms: content.storedAtMs,
        used_at_ms: content.usedAtMs,
      })
      .execute()
    await addToTotals(trx, { bytes: content.sizeBytes, entries: 1 })
  } else if (held.kind === 'blob' && content.kind === 'manifest') {
    await trx
      .updateTable('content')
      .set({ kind: 'manifest', media_type: content.mediaType })
      .where('digest', '=', content.digest)
      .execute()
  }
}

/** What a manifest names, in its order. */
export async function putChildren(
  trx: Transaction<Schema>,
  parent: Digest,
  children: Descriptor[],
): Promise<void> {
  const rows = children.map((child, position) => ({
    parent_digest: parent,
    position,
    ...columnsOf(child),
  }))
  for (const some of inChunks(rows)) {
    await trx
      .insertInto('child')
      .values(some)
      .onConflict((conflict) => conflict.columns(['parent_digest', 'position']).doNothing())
      .execute()
  }
}

/** Lets a repository serve content that is held. */
export async function putLink(
  trx: Transaction<Schema>,
  digest: Digest,
  repository: RepositoryId,
): Promise<void> {
  await trx
    .insertInto('link')
    .values({ digest, repository_id: await putRepository(trx, repository) })
    .onConflict((conflict) => conflict.columns(['digest', 'repository_id']).doNothing())
    .execute()
}

/** The row of a repository, which is made where it is missing. */
export async function putRepository(
  trx: Transaction<Schema>,
  { registry, name }: RepositoryId,
): Promise<number> {
  const { id } = await trx
    .insertInto('repository')
    .values({ registry, name })
    // An update that changes nothing, because `doNothing` would return no row.
    .onConflict((conflict) => conflict.columns(['registry', 'name']).doUpdateSet({ name }))
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

/** Belongs into every transaction that adds or removes content. */
export async function addToTotals(
  trx: Transaction<Schema>,
  { bytes, entries }: InventoryTotals,
): Promise<void> {
  await trx
    .updateTable('totals')
    .set((eb) => ({ bytes: eb('bytes', '+', bytes), entries: eb('entries', '+', entries) }))
    .execute()
}

/** Of several uses of the same content the latest. */
export function latestUses(uses: Use[]): Use[] {
  const latest = new Map<Digest, Use>()
  for (const use of uses) {
    const known = latest.get(use.digest)
    if (!known || known.atMs < use.atMs) latest.set(use.digest, use)
  }
  return [...latest.values()]
}

/** Raises times of last use, of each content once and at most a chunk of them. */
export async function raiseUses(db: Kysely<Schema>, uses: Use[]): Promise<void> {
  const rows = sql.join(uses.map(({ digest, atMs }) => sql`(${digest}, ${atMs})`))
  await sql`
    update content set used_at_ms = latest.column2
    from (values ${rows}) as latest
    where content.digest = latest.column1 and content.used_at_ms < latest.column2
  `.execute(db)
}

/** Rows in pieces that fit into one statement. */
export function* inChunks<T>(rows: T[]): Iterable<T[]> {
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
    yield rows.slice(at, at + ROWS_PER_STATEMENT)
  }
}
