import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { MANIFEST_TYPES } from '../../src/oci/manifest.ts'
import type { Repository } from '../../src/oci/reference.ts'
import type { Candidate, Content, Inventory, RepositoryId } from '../../src/inventory/inventory.ts'
import { blobOf } from './blobs.ts'

const [INDEX_TYPE, MANIFEST_TYPE] = MANIFEST_TYPES

export const alpine: RepositoryId = { registry: 'docker.io', name: 'library/alpine' as Repository }
export const node: RepositoryId = { registry: 'docker.io', name: 'library/node' as Repository }
export const elsewhere: RepositoryId = { ...alpine, registry: 'ghcr.io' }

/** Stored at second 1, used at second 2. */
export function contentOf(text: string): Content {
  return { ...blobOf(Buffer.from(text)), kind: 'blob', storedAtMs: 1_000, usedAtMs: 2_000 }
}

export function manifestOf(text: string): Content {
  return { ...contentOf(text), kind: 'manifest', mediaType: MANIFEST_TYPE }
}

export function indexOf(text: string): Content {
  return { ...contentOf(text), kind: 'manifest', mediaType: INDEX_TYPE }
}

export function descriptorOf({ mediaType, digest, sizeBytes }: Content): Descriptor {
  return { mediaType, digest, sizeBytes }
}

/** Records a manifest with all that it names. */
export async function recordImage(
  inventory: Inventory,
  repository: RepositoryId,
  manifest: Content,
  named: Content[],
): Promise<void> {
  for (const content of named) {
    if (content.kind === 'blob') await inventory.record(content, [], repository)
  }
  await inventory.record(manifest, named.map(descriptorOf), repository)
}

/** Content as eviction sees it. */
export async function candidateOf(
  inventory: Inventory,
  { digest }: Content,
): Promise<Candidate | undefined> {
  let seen: Candidate | undefined
  await inventory.evict(digest, (candidate) => {
    seen = candidate
    return false
  })
  return seen
}

export async function rootsOf(inventory: Inventory, usage: 'once' | 'again'): Promise<Digest[]> {
  const roots = await inventory.roots({ usage, after: undefined, limit: 1_000 })
  return roots.map(({ digest }) => digest)
}
