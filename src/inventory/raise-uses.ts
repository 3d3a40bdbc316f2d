import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Digest } from '../oci/digest.ts'
import type { Use } from './inventory.ts'
import { isUsedAgain, markReused } from './reuse.ts'
import { repositoryIdOf } from './repositories.ts'
import type { ContentRow } from './rows.ts'
import type { Schema } from './schema.ts'

/** A use with the row of its repository; none where it was never seen. */
export interface UseRow {
  digest: Digest
  repositoryId: number | null
  atMs: number
}

/** Of several uses of the same content through the same repository the latest, in order of time. */
export function latestUses(uses: Use[]): Use[] {
  const latest = new Map<string, Use>()
  for (const use of uses) {
    const { digest, repository } = use
    const key = `${repository.registry} ${repository.name} ${digest}`
    const known = latest.get(key)
    if (!known || known.atMs < use.atMs) latest.set(key, use)
  }
  // A manifest comes before what is pulled of it, so that it is the one used last when that comes.
  return [...latest.values()].sort((a, b) => a.atMs - b.atMs)
}

/** Raises times of last use, upwards to what the content belongs to; at most a chunk of uses. */
export async function raiseUses(trx: Transaction<Schema>, uses: UseRow[]): Promise<void> {
  let level = uses
  while (level.length > 0) {
    await raiseContents(trx, level)
    await raiseLinks(trx, level)
    level = await usesOfParents(trx, level)
  }
}

export async function useRowsOf(trx: Transaction<Schema>, uses: Use[]): Promise<UseRow[]> {
  const ids = new Map<string, number | undefined>()
  const rows: UseRow[] = []
  for (const { digest, repository, atMs } of uses) {
    const key = `${repository.registry} ${repository.name}`
    if (!ids.has(key)) ids.set(key, await repositoryIdOf(trx, repository))
    rows.push({ digest, repositoryId: ids.get(key) ?? null, atMs })
  }
  return rows
}

async function raiseContents(trx: Transaction<Schema>, rows: UseRow[]): Promise<void> {
  const { rows: raised } = await sql<ContentRow>`
    update content set used_at_ms = latest.at_ms
    from (select column1 as digest, max(column3) as at_ms from (${values(rows)}) group by column1) as latest
    where content.digest = latest.digest and content.used_at_ms < latest.at_ms
    returning content.digest, content.stored_at_ms, content.used_at_ms, content.reused
  `.execute(trx)
  const again = raised.filter((row) => row.reused === 0 && isUsedAgain(row))
  await markReused(
    trx,
    again.map(({ digest }) => digest),
  )
}

async function raiseLinks(trx: Transaction<Schema>, rows: UseRow[]): Promise<void> {
  await sql`
    update link set used_at_ms = latest.column3 from (${values(rows)}) as latest
    where link.digest = latest.column1 and link.repository_id = latest.column2
      and link.used_at_ms < latest.column3
  `.execute(trx)
}

/** The uses that these are of the manifests that name the content. */
async function usesOfParents(trx: Transaction<Schema>, rows: UseRow[]): Promise<UseRow[]> {
  const { rows: parents } = await sql<{
    digest: Digest | null
    repositoryId: number
    atMs: number
  }>`
    select (
      select recent.digest from (
        select digest, used_at_ms from link
        where repository_id = used.column2 and used_at_ms is not null
        order by used_at_ms desc, digest limit 100
      ) as recent
      where exists (
        select 1 from child
        where child.digest = used.column1 and child.parent_digest = recent.digest
      )
      order by recent.used_at_ms desc, recent.digest limit 1
    ) as digest, used.column2 as "repositoryId", max(used.column3) as "atMs"
    from (${values(rows)}) as used
    group by 1, 2
  `.execute(trx)
  return parents.flatMap(({ digest, ...use }) => (digest ? [{ digest, ...use }] : []))
}

function values(rows: UseRow[]): RawBuilder<unknown> {
  return sql`values ${sql.join(
    rows.map(({ digest, repositoryId, atMs }) => sql`(${digest}, ${repositoryId}, ${atMs})`),
  )}`
}
