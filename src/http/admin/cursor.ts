import type { ImageQuery, RepositoryId } from '../../inventory/inventory.ts'
import { parseDigest } from '../../oci/digest.ts'
import { parseRepository } from '../../oci/reference.ts'
import { ApiError } from './api-error.ts'

type Position = NonNullable<ImageQuery['after']>

/** A place in the list of images as a text that means nothing to callers. */
export function cursorAt({ repository, digest }: Position): string {
  const parts = [repository.registry, repository.name, digest]
  return Buffer.from(parts.join(' ')).toString('base64url')
}

/** The same in the list of repositories. */
export function repositoryCursorAt({ registry, name }: RepositoryId): string {
  return Buffer.from(`${registry} ${name}`).toString('base64url')
}

/** Throws ApiError for what `repositoryCursorAt` has not made. */
export function repositoryPositionOf(cursor: string): RepositoryId {
  const [registry = '', text = ''] = Buffer.from(cursor, 'base64url').toString().split(' ')
  const name = parseRepository(text)
  if (!name) throw strange()
  return { registry, name }
}

/** Throws ApiError for what `cursorAt` has not made. */
export function positionOf(cursor: string): Position {
  const [registry = '', name = '', text = ''] = Buffer.from(cursor, 'base64url')
    .toString()
    .split(' ')
  const repository = parseRepository(name)
  const digest = parseDigest(text)
  if (!repository || !digest) throw strange()
  return { repository: { registry, name: repository }, digest }
}

function strange(): ApiError {
  return new ApiError('INVALID', 'after: expected what the last page gave as next')
}
