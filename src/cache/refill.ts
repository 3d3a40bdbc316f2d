import type { Content } from '../inventory/inventory.ts'
import type { Repository } from '../oci/reference.ts'
import type { Source } from '../oci/source.ts'

/**
 * Has a mirror fill content that is not held any more; a blob goes on being filled when this has
 * returned. False where upstream does not have it. Throws what upstream throws.
 */
export async function refill(
  mirror: Source,
  repository: Repository,
  { digest, kind }: Pick<Content, 'digest' | 'kind'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (kind === 'manifest') {
    const ref = { kind: 'digest', repository, digest } as const
    return (await mirror.manifest(ref, { signal })) !== undefined
  }
  const blob = await mirror.blob(repository, digest, { signal })
  await blob?.body[Symbol.asyncDispose]()
  return blob !== undefined
}
