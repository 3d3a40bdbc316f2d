import type { ImageQuery } from '../../inventory/inventory.ts'
import { parseDigest } from '../../oci/digest.ts'
import { parseRepository } from '../../oci/reference.ts'
import { ApiError } from './api-error.ts'

type Position = NonNullable<ImageQuery['after']>

/** A place in the list of images as a text that means nothing to callers. */
export function cursorAt({ repository, digest }: Position): string {
  const parts = [repository.registry, repository.name, digest]
  return Buffer.from(parts.join(' ')).toString('base64url')
}

/** Throws ApiError for what `cursorAt` has not made. */
export function positionOf(cursor: string): Position {
  const [registry = '', name = '', text = ''] = Buffer.from(cursor, 'base64url')
    .toString()
    .split(' ')
  const repository = parseRepository(name)
  const digest = parseDigest(text)
  if (!repository || !digest) {
    throw new ApiError('INVALID', 'after: expected what the last page gave as next')
  }
  return { repository: { registry, name: repository }, digest }
}
