import type { Candidate, RepositoryId } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { ContentChange } from '../telemetry/content-event.ts'
import type { ContentFeed } from '../telemetry/content-feed.ts'

/** Content of an upstream is kept from now on. */
export function mirrored(
  { registry, name }: RepositoryId,
  { digest, mediaType, sizeBytes }: Pick<Descriptor, 'digest'> & Partial<Descriptor>,
): ContentChange {
  return { action: 'mirror', registry, repository: name, digest, mediaType, sizeBytes }
}

/** An image has gone, under each of its names; what went with it is not told. */
export function tellEvicted(
  feed: ContentFeed,
  { names, digest, mediaType, sizeBytes }: Candidate,
): void {
  for (const { repository, tags } of names) {
    const { registry, name } = repository
    const content = { registry, repository: name, digest, mediaType, sizeBytes }
    for (const tag of tags.length > 0 ? tags : [undefined]) {
      feed.tell({ action: 'evict', ...content, tag })
    }
  }
}
