import type { Transaction } from 'kysely'
import { isDigest } from '../oci/reference.ts'
import { candidatesOf, parentsOf } from './candidates.ts'
import { evict } from './evict.ts'
import type { Candidate, RememberedDigest, Taken, Taking } from './inventory.ts'
import { namedBy, unlink } from './links.ts'
import { nameIn } from './name-in.ts'
import { repositoryIdOf } from './repositories.ts'
import type { Schema } from './schema.ts'
import { putLink } from './writes.ts'

/** See Inventory.take: the content, then level by level what only it needed there. */
export async function take(
  trx: Transaction<Schema>,
  taking: Taking,
  mayGo: (candidate: Candidate) => boolean,
): Promise<Taken> {
  const { repository, target } = taking
  const tags = await dropTags(trx, taking)
  const digest = isDigest(target) ? target : tags[0]?.digest
  if (digest === undefined) return { tags, taken: [], gone: [] }
  const taken: Candidate[] = []
  let level = await candidatesOf(trx, [digest])
  if (tags.length === 0) level = level.filter(({ names }) => nameIn(names, repository))
  while (level.length > 0) {
    const going: Candidate[] = []
    for (const content of level) if (await leave(trx, content, taking, mayGo)) going.push(content)
    taken.push(...going)
    const named = await namedBy(
      trx,
      going.map((content) => content.digest),
    )
    const left = new Set([...named.values()].flat())
    for (const content of taken) left.delete(content.digest)
    level = await candidatesOf(trx, [...left])
  }
  const asked = new Set(taken.map((content) => content.digest))
  const gone = await evict(trx, digest, (content) => {
    if (content.parents > 0 || content.names.length > 0) return false
    return asked.has(content.digest) || mayGo(content)
  })
  return { tags, taken, gone }
}

async function dropTags(
  trx: Transaction<Schema>,
  { repository, target }: Taking,
): Promise<RememberedDigest[]> {
  const repositoryId = await repositoryIdOf(trx, repository)
  if (repositoryId === undefined) return []
  return trx
    .deleteFrom('tag')
    .where('repository_id', '=', repositoryId)
    .where(isDigest(target) ? 'digest' : 'name', '=', target)
    .returning(['name as tag', 'digest'])
    .execute()
}

/** False where the repository needs it, or it may not go. */
async function leave(
  trx: Transaction<Schema>,
  content: Candidate,
  { repository, isPublic }: Taking,
  mayGo: (candidate: Candidate) => boolean,
): Promise<boolean> {
  const { digest, names, usedAtMs } = content
  const own = nameIn(names, repository)
  const parents = await candidatesOf(trx, await parentsOf(trx, [digest]))
  const isNeeded = own?.tags.length || parents.some((parent) => nameIn(parent.names, repository))
  if (isNeeded || !mayGo(content)) return false
  if (own && isPublic) {
    const needing = [...names, ...parents.flatMap((parent) => parent.names)]
    const heir = needing.find(
      ({ repository: { registry, name } }) =>
        registry === repository.registry && name !== repository.name,
    )
    if (heir) await putLink(trx, content, heir.repository, usedAtMs)
  }
  await unlink(trx, digest, repository, undefined)
  return true
}
