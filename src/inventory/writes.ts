import type { Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Content, ContentKind, InventoryTotals, RepositoryId } from './inventory.ts'
import { columnsOf } from './rows.ts'
import type { Schema } from './schema.ts'

/** Adds content to what is held. What is held stays as it is, except that a blob which turns out to be a manifest becomes one. */
export async function putContent(trx: Transaction<Schema>, content: Content): Promise<void> {
  const { digest, kind, mediaType, sizeBytes } = content
  const held = await kindOf(trx, digest)
  if (!held) {
    await trx
      .insertInto('content')
      .values((eb) => ({
        ...columnsOf(content),
        kind,
        stored_at_ms: content.storedAtMs,
        used_at_ms: content.usedAtMs,
        parents: eb
          .selectFrom('child')
          .select((child) => child.fn.count<number>('parent_digest').distinct().as('count'))
          .where('child.digest', '=', digest),
      }))
      .execute()
    await addToTotals(trx, { bytes: sizeBytes, entries: 1 })
  } else if (held === 'blob' && kind === 'manifest') {
    await trx
      .updateTable('content')
      .set({ kind, media_type: mediaType })
      .where('digest', '=', digest)
      .execute()
    await trx.updateTable('link').set({ used_at_ms: 0 }).where('digest', '=', digest).execute()
  }
}

/** Lets a repository serve content; false where that is not held. */
export async function putLink(
  trx: Transaction<Schema>,
  digest: Digest,
  repository: RepositoryId,
): Promise<boolean> {
  const kind = await kindOf(trx, digest)
  if (!kind) return false
  const repositoryId = await putRepository(trx, repository)
  await trx
    .insertInto('link')
    .values({ digest, repository_id: repositoryId, used_at_ms: kind === 'manifest' ? 0 : null })
    .onConflict((conflict) => conflict.columns(['digest', 'repository_id']).doNothing())
    .execute()
  return true
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

async function kindOf(trx: Transaction<Schema>, digest: Digest): Promise<ContentKind | undefined> {
  const row = await trx
    .selectFrom('content')
    .select('kind')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.kind
}
