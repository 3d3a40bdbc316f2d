import type { Transaction } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { inChunks } from './chunks.ts'
import { markReused } from './reuse.ts'
import { columnsOf } from './rows.ts'
import type { Schema } from './schema.ts'

/** What a manifest names, in its order. The same content always names the same: it is put once. */
export async function putChildren(
  trx: Transaction<Schema>,
  parent: Digest,
  children: Descriptor[],
): Promise<void> {
  if (children.length === 0) return
  const known = await trx
    .selectFrom('child')
    .select('digest')
    .where('parent_digest', '=', parent)
    .limit(1)
    .executeTakeFirst()
  if (known) return
  const rows = children.map((child, position) => ({
    parent_digest: parent,
    position,
    ...columnsOf(child),
  }))
  for (const some of inChunks(rows)) await trx.insertInto('child').values(some).execute()
  await trx
    .updateTable('content')
    .set((eb) => ({ parents: eb('parents', '+', 1) }))
    .where('digest', 'in', (eb) =>
      eb.selectFrom('child').select('child.digest').where('parent_digest', '=', parent),
    )
    .execute()
  const { reused } = await trx
    .selectFrom('content')
    .select('reused')
    .where('digest', '=', parent)
    .executeTakeFirstOrThrow()
  if (reused === 1) await markReused(trx, [parent])
}

/** Belongs before manifests are deleted: they no longer count as parents. Returns what they named and is held. */
export async function leaveChildren(
  trx: Transaction<Schema>,
  parents: Digest[],
): Promise<Digest[]> {
  const children = new Set<Digest>()
  for (const some of inChunks(parents)) {
    const rows = await trx
      .updateTable('content')
      .set((eb) => ({
        parents: eb(
          'parents',
          '-',
          eb
            .selectFrom('child')
            .select((child) => child.fn.count<number>('parent_digest').distinct().as('count'))
            .whereRef('child.digest', '=', 'content.digest')
            .where('parent_digest', 'in', some),
        ),
      }))
      .where('digest', 'in', (eb) =>
        eb.selectFrom('child').select('child.digest').where('parent_digest', 'in', some),
      )
      .returning('digest')
      .execute()
    for (const { digest } of rows) children.add(digest)
  }
  return [...children]
}
