import type { Inventory, RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import { isForeignLayer, type ManifestContent } from '../oci/manifest.ts'

export interface MissingOptions {
  inventory: Inventory
  /** Indexes may name manifests that the repository does not have. */
  allowSparse: boolean
}

/** What a manifest names and its repository does not have. */
export async function missingOf(
  { inventory, allowSparse }: MissingOptions,
  repository: RepositoryId,
  { blobs, manifests }: ManifestContent,
): Promise<Digest[]> {
  const needed = [
    ...blobs.filter((blob) => !isForeignLayer(blob)),
    ...(allowSparse ? [] : manifests),
  ]
  const missing: Digest[] = []
  for (const { digest } of needed) {
    if (!(await inventory.isLinked(digest, repository))) missing.push(digest)
  }
  return missing
}
