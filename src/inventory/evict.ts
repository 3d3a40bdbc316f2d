import type { Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import { candidatesOf } from './candidates.ts'
import { leaveChildren } from './children.ts'
import { inChunks } from './chunks.ts'
import { bytesOf } from './image-tree.ts'
import type { Candidate } from './inventory.ts'
import type { Schema } from './schema.ts'
import { addToTotals } from './totals.ts'

/** See Inventory.evict: the content, then level by level what only it needed. */
export async function evict(
  trx: Transaction<Schema>,
  digest: Digest,
  mayGo: (candidate: Candidate) => boolean,
): Promise<Candidate[]> {
  const gone: Candidate[] = []
  let level = await candidatesOf(trx, [digest])
  while (level.length > 0) {
    const going = level.filter(mayGo)
    gone.push(...going)
    for (const some of inChunks(going.map((candidate) => candidate.digest))) {
      await trx.deleteFrom('tag').where('digest', 'in', some).execute()
    }
    const children = await remove(trx, going)
    const orphans = await candidatesOf(trx, children)
    level = orphans.filter(({ parents }) => parents === 0)
  }
  return gone
}

/** Drops contents with their links. Returns the digests of what they named and is held. */
export async function remove(trx: Transaction<Schema>, contents: Candidate[]): Promise<Digest[]> {
  const digests = contents.map((content) => content.digest)
  const children = await leaveChildren(trx, digests)
  for (const some of inChunks(digests)) {
    await trx.deleteFrom('content').where('digest', 'in', some).execute()
  }
  await addToTotals(trx, {
    bytes: -bytesOf(contents),
    entries: -contents.length,
    onceBytes: -bytesOf(contents.filter(({ usage }) => usage === 'once')),
  })
  return children
}
