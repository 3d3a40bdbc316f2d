import type {
  Candidate,
  ContentName,
  Inventory,
  Taken,
  Taking,
} from '../../src/inventory/inventory.ts'
import { isDigest } from '../../src/oci/reference.ts'
import { isSame } from './repository-keys.ts'

type MayGo = (candidate: Candidate) => boolean

/** Inventory.take as what else can be asked of an inventory. */
export async function takeFrom(inventory: Inventory, taking: Taking, mayGo: MayGo): Promise<Taken> {
  const { repository, target } = taking
  const records = await inventory.tagRecords(repository)
  const tags = records
    .map(({ tag, descriptor: { digest } }) => ({ tag, digest }))
    .filter(({ tag, digest }) => tag === target || digest === target)
  for (const { tag } of tags) await inventory.dropTag(repository, tag)
  const digest = isDigest(target) ? target : tags[0]?.digest
  const taken: Candidate[] = []
  if (!digest) return { tags, taken, gone: [] }
  if (tags.length > 0 || (await inventory.isLinked(digest, repository))) {
    const root = (await inventory.lineage(digest)).find((one) => one.digest === digest)
    if (root) await takeBelow(inventory, root, taking, mayGo, taken)
  }
  const isTaken = (candidate: Candidate) => taken.some((one) => one.digest === candidate.digest)
  const gone = await inventory.evict(
    digest,
    (one) => one.parents === 0 && one.names.length === 0 && (isTaken(one) || mayGo(one)),
  )
  return { tags, taken, gone }
}

/** Adds to `taken`. */
async function takeBelow(
  inventory: Inventory,
  content: Candidate,
  taking: Taking,
  mayGo: MayGo,
  taken: Candidate[],
): Promise<void> {
  const { repository, isPublic } = taking
  const { digest, names, usedAtMs } = content
  const isOwn = (name: ContentName) => isSame(name.repository, repository)
  if (taken.some((one) => one.digest === digest)) return
  const needing = [...names]
  for (const ancestor of await inventory.lineage(digest)) {
    const children = await inventory.children(ancestor.digest)
    if (!children.some((child) => child.digest === digest)) continue
    if (ancestor.names.some(isOwn)) return
    needing.push(...ancestor.names)
  }
  const own = names.find(isOwn)
  if ((own && own.tags.length > 0) || !mayGo(content)) return
  const heir = needing.find(
    (name) => !isOwn(name) && name.repository.registry === repository.registry,
  )
  if (own && isPublic && heir) await inventory.link(digest, heir.repository, usedAtMs)
  const children = await inventory.children(digest)
  await inventory.unlink(digest, repository)
  taken.push(content)
  for (const child of children) await takeBelow(inventory, child, taking, mayGo, taken)
}
