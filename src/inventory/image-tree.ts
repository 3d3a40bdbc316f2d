import type { Kysely } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { isIndexType } from '../oci/manifest.ts'
import { inChunks } from './chunks.ts'
import { descriptorOf } from './rows.ts'
import type { Schema } from './schema.ts'

/** Content that is held, with what it names, held or not. */
interface TreeNode extends Descriptor {
  parents: number
  children: Map<Digest, Descriptor>
}

/** What is held of some contents and of all that they name. */
export type Tree = Map<Digest, TreeNode>

/** All of it at once: an image has tens of contents. */
export async function treeOf(db: Kysely<Schema>, roots: Digest[]): Promise<Tree> {
  const tree: Tree = new Map()
  for (const some of inChunks(roots)) {
    const rows = await db
      .selectFrom('content')
      .select(['digest', 'media_type', 'size_bytes', 'parents'])
      .where('digest', 'in', some)
      .execute()
    for (const row of rows) tree.set(row.digest, nodeOf(row))
  }
  for (let level = [...tree.keys()]; level.length > 0;) level = await growBelow(db, tree, level)
  return tree
}

/** Adds what these contents name; returns the manifests that it adds. */
async function growBelow(db: Kysely<Schema>, tree: Tree, parents: Digest[]): Promise<Digest[]> {
  const manifests: Digest[] = []
  for (const some of inChunks(parents)) {
    for (const row of await childrenOf(db, some)) {
      const { digest, parents, held_type, held_bytes } = row
      tree.get(row.parent_digest)?.children.set(digest, descriptorOf(row))
      if (parents === null || held_type === null || held_bytes === null) continue
      if (tree.has(digest)) continue
      tree.set(digest, nodeOf({ digest, parents, media_type: held_type, size_bytes: held_bytes }))
      if (row.kind === 'manifest') manifests.push(digest)
    }
  }
  return manifests
}

/** The sizes of one image in a tree that holds all of it, under a registry that links some of it; see Image. */
export function measure(tree: Tree, root: Digest, linked: ReadonlySet<Digest>) {
  const parents = parentsWithin(tree, root)
  const exclusive = new Map<Digest, boolean>()
  const isExclusive = (digest: Digest): boolean => {
    const known = exclusive.get(digest)
    if (known !== undefined) return known
    const within = [...(parents.get(digest) ?? [])]
    const isSo = tree.get(digest)?.parents === within.length && within.every(isExclusive)
    exclusive.set(digest, isSo)
    return isSo
  }
  const held = [...parents.keys()].flatMap((digest) => tree.get(digest) ?? [])
  return {
    heldBytes: bytesOf(held),
    exclusiveBytes: bytesOf(held.filter(({ digest }) => isExclusive(digest))),
    missingBytes: bytesOf(missingOf(held, linked)),
  }
}

/** Everything that belongs to an image, held or not, with what names it there. */
function parentsWithin(tree: Tree, root: Digest): Map<Digest, Set<Digest>> {
  const parents = new Map([[root, new Set<Digest>()]])
  for (const parent of parents.keys()) {
    for (const digest of tree.get(parent)?.children.keys() ?? []) {
      const known = parents.get(digest)
      if (known) known.add(parent)
      else parents.set(digest, new Set([parent]))
    }
  }
  return parents
}

function missingOf(held: TreeNode[], linked: ReadonlySet<Digest>): Iterable<Descriptor> {
  const missing = new Map<Digest, Descriptor>()
  for (const { digest, mediaType, children } of held) {
    if (!linked.has(digest)) continue
    const absent = [...children.values()].filter((child) => !linked.has(child.digest))
    if (isIndexType(mediaType) && absent.length < children.size) continue
    for (const child of absent) missing.set(child.digest, child)
  }
  return missing.values()
}

export function bytesOf(descriptors: Iterable<Descriptor>): number {
  let bytes = 0
  for (const { sizeBytes } of descriptors) bytes += sizeBytes
  return bytes
}

/** What is named, with the columns of the content null where it is not held. */
function childrenOf(db: Kysely<Schema>, parents: Digest[]) {
  return db
    .selectFrom('child')
    .leftJoin('content', 'content.digest', 'child.digest')
    .select(['parent_digest', 'child.digest', 'child.media_type', 'child.size_bytes'])
    .select(['kind', 'parents', 'content.media_type as held_type'])
    .select('content.size_bytes as held_bytes')
    .where('parent_digest', 'in', parents)
    .execute()
}

function nodeOf(row: Parameters<typeof descriptorOf>[0] & { parents: number }): TreeNode {
  return { ...descriptorOf(row), parents: row.parents, children: new Map() }
}
