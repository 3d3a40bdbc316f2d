import type { Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Content, ContentKind, RepositoryId } from './inventory.ts'
import { isUsedAgain } from './reuse.ts'
import { columnsOf } from './rows.ts'
import type { Schema } from './schema.ts'
import { addToTotals } from './totals.ts'

/** What content is, now that it was put. */
interface Put {
  kind: ContentKind
  /** True of a blob that was not held and that no manifest names: nothing is used with it. */
  isNewAlone: boolean
}

/** Adds content to what is held. What is held stays as it is, except that a blob which turns out to be a manifest becomes one. */
export async function putContent(trx: Transaction<Schema>, content: Content): Promise<Put> {
  const { digest, kind, mediaType } = content
  const held = await kindOf(trx, digest)
  if (!held) {
    const parents = await addContent(trx, content)
    return { kind, isNewAlone: kind === 'blob' && parents === 0 }
  }
  if (held === 'manifest' || kind === 'blob') return { kind: held, isNewAlone: false }
  await trx
    .updateTable('content')
    .set({ kind, media_type: mediaType })
    .where('digest', '=', digest)
    .execute()
  await trx.updateTable('link').set({ used_at_ms: 0 }).where('digest', '=', digest).execute()
  return { kind, isNewAlone: false }
}

/** Returns how many manifests name it. */
async function addContent(trx: Transaction<Schema>, content: Content): Promise<number> {
  const { digest, kind, sizeBytes, storedAtMs, usedAtMs } = content
  const { parents } = await trx
    .selectFrom('child')
    .select((eb) => eb.fn.count<number>('parent_digest').distinct().as('parents'))
    .where('digest', '=', digest)
    .executeTakeFirstOrThrow()
  const times = { stored_at_ms: storedAtMs, used_at_ms: usedAtMs }
  const isReused = isUsedAgain(times) || (parents > 0 && (await hasReusedParent(trx, digest)))
  await trx
    .insertInto('content')
    .values({
      ...columnsOf(content),
      ...times,
      kind,
      parents,
      reused: isReused ? 1 : 0,
    })
    .execute()
  await addToTotals(trx, { bytes: sizeBytes, entries: 1, onceBytes: isReused ? 0 : sizeBytes })
  return parents
}

async function hasReusedParent(trx: Transaction<Schema>, digest: Digest): Promise<boolean> {
  const reusedParent = await trx
    .selectFrom('child')
    .innerJoin('content', 'content.digest', 'child.parent_digest')
    .select('parent_digest')
    .where('child.digest', '=', digest)
    .where('reused', '=', 1)
    .limit(1)
    .executeTakeFirst()
  return reusedParent !== undefined
}

/** Lets a repository serve content that is held, and returns its row. */
export async function putLink(
  trx: Transaction<Schema>,
  { digest, kind }: Pick<Content, 'digest' | 'kind'>,
  repository: RepositoryId,
  atMs: number,
): Promise<number> {
  const repositoryId = await putRepository(trx, repository)
  await trx
    .insertInto('link')
    .values({
      digest,
      repository_id: repositoryId,
      used_at_ms: kind === 'manifest' ? 0 : null,
      linked_at_ms: atMs,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['digest', 'repository_id'])
        .doUpdateSet({ linked_at_ms: atMs })
        .where('link.linked_at_ms', '<', atMs),
    )
    .execute()
  return repositoryId
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

export async function kindOf(
  trx: Transaction<Schema>,
  digest: Digest,
): Promise<ContentKind | undefined> {
  const row = await trx
    .selectFrom('content')
    .select('kind')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.kind
}
