import type {
  Content,
  Image,
  ImageQuery,
  RepositoryId,
  RepositorySummary,
  SummaryQuery,
} from '../../src/inventory/inventory.ts'
import { isCalled, isSame, keyOf } from './repository-keys.ts'
import { sumOf } from './sizes.ts'

export interface Link {
  usedAtMs: number
  linkedAtMs: number
}

/** Content as a repository links it: `usedAtMs` is when it was used through that. */
export interface LinkedWithin extends Content {
  isShared: boolean
}

/** Of repositories in order those that are asked for and link something. */
export function summariesPage(
  repositories: readonly RepositoryId[],
  linkedWithin: (repository: RepositoryId) => LinkedWithin[],
  images: readonly Image[],
  { search = '', after, limit }: SummaryQuery,
): RepositorySummary[] {
  const wanted = repositories
    .filter((repository) => isCalled({ repository, tags: [] }, search))
    .filter((repository) => !after || keyOf(repository) > keyOf(after))
  const summaries = wanted.flatMap((repository) => {
    const linked = linkedWithin(repository)
    if (linked.length === 0) return []
    const uses = linked.filter(({ kind }) => kind === 'manifest').map(({ usedAtMs }) => usedAtMs)
    return [
      {
        repository,
        images: images.filter((image) => isSame(image.repository, repository)).length,
        heldBytes: sumOf(linked),
        sharedBytes: sumOf(linked.filter(({ isShared }) => isShared)),
        usedAtMs: Math.max(0, ...uses),
      },
    ]
  })
  return summaries.slice(0, limit)
}

/** Of images in order those that are asked for. */
export function imagesPage(
  images: readonly Image[],
  { repository, search, after, limit }: ImageQuery,
): Image[] {
  return images
    .filter((image) => !repository || isSame(image.repository, repository))
    .filter((image) => search === undefined || isCalled(image, search))
    .filter((image) => !after || positionOf(image) > positionOf(after))
    .slice(0, limit)
}

/** Sorts as the listing does. */
function positionOf({ repository, digest }: Pick<Image, 'repository' | 'digest'>): string {
  return `${keyOf(repository)} ${digest}`
}
