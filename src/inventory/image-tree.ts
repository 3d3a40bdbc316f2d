import type { Kysely } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { isIndexType } from '../oci/manifest.ts'
import { inChunks } from './chunks.ts'
import { descriptorOf } from './rows.ts'
import type { Schema } from './schema.ts'

/** Content that is held, with what it names. */
export interface TreeNode extends Descriptor {
  parents: number
  /** Each once, held or not. */
  children: Descriptor[]
}

/** What is held of some contents and of all that they name. */
export type Tree = Map<Digest, TreeNode>

/** All of it at once: an image has tens of contents. */
export async function treeOf(db: Kysely<Schema>, roots: Digest[]): Promise<Tree> {
  const tree: Tree = new Map()
  let level = roots
  while (level.length > 0) {
    const below = new Set<Digest>()
    for (const some of inChunks(level)) {
      for (const node of await nodesOf(db, some)) {
        tree.set(node.digest, node)
        for (const { digest } of node.children) below.add(digest)
      }
    }
    level = [...below].filter((digest) => !tree.has(digest))
  }
  return tree
}

/** The sizes of one image in a tree that holds all of it; see Image. */
export function measure(tree: Tree, root: Digest) {
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
    missingBytes: bytesOf(missingOf(tree, held)),
  }
}

/** Everything that belongs to an image, held or not, with what names it there. */
function parentsWithin(tree: Tree, root: Digest): Map<Digest, Set<Digest>> {
  const parents = new Map([[root, new Set<Digest>()]])
  for (const parent of parents.keys()) {
    for (const { digest } of tree.get(parent)?.children ?? []) {
      const known = parents.get(digest)
      if (known) known.add(parent)
      else parents.set(digest, new Set([parent]))
    }
  }
  return parents
}

function missingOf(tree: Tree, held: TreeNode[]): Iterable<Descriptor> {
  const missing = new Map<Digest, Descriptor>()
  for (const { mediaType, children } of held) {
    const absent = children.filter(({ digest }) => !tree.has(digest))
    if (isIndexType(mediaType) && absent.length < children.length) continue
    for (const child of absent) missing.set(child.digest, child)
  }
  return missing.values()
}

export function bytesOf(descriptors: Iterable<Descriptor>): number {
  let bytes = 0
  for (const { sizeBytes } of descriptors) bytes += sizeBytes
  return bytes
}

/** Those of the contents that are held. */
async function nodesOf(db: Kysely<Schema>, digests: Digest[]): Promise<TreeNode[]> {
  const contents = await db
    .selectFrom('content')
    .select(['digest', 'media_type', 'size_bytes', 'parents'])
    .where('digest', 'in', digests)
    .execute()
  const children = await db
    .selectFrom('child')
    .select(['parent_digest', 'digest', 'media_type', 'size_bytes'])
    .where('parent_digest', 'in', digests)
    .orderBy('parent_digest')
    .orderBy('position')
    .execute()
  const nodes = new Map(
    contents.map((row) => [
      row.digest,
      { ...descriptorOf(row), parents: row.parents, children: new Map<Digest, Descriptor>() },
    ]),
  )
  for (const { parent_digest, ...row } of children) {
    nodes.get(parent_digest)?.children.set(row.digest, descriptorOf(row))
  }
  return Array.from(nodes.values(), (node) => ({ ...node, children: [...node.children.values()] }))
}
