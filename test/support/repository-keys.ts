import type { RepositoryId } from '../../src/inventory/inventory.ts'
import type { Tag } from '../../src/oci/reference.ts'

/** A repository as a key of maps, which sorts as listings do. */
export function keyOf({ registry, name }: RepositoryId): string {
  return `${registry} ${name}`
}

export function tagKeyOf(repository: RepositoryId, tag: Tag): string {
  return `${keyOf(repository)} ${tag}`
}

/** Whether `part` is one of what people call an image. */
export function isCalled(
  { repository: { registry, name }, tags }: { repository: RepositoryId; tags: Tag[] },
  part: string,
): boolean {
  const calls = [`${registry}/${name}`, ...tags.map((tag) => `${registry}/${name}:${tag}`)]
  return calls.some((call) => call.toLowerCase().includes(part.toLowerCase()))
}

export function isSame(a: RepositoryId, b: RepositoryId): boolean {
  return keyOf(a) === keyOf(b)
}
