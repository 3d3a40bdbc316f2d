import type { ContentName, RepositoryId } from './inventory.ts'

/** What content is called in a repository; `undefined` where that one neither links nor tags it. */
export function nameIn(
  names: readonly ContentName[],
  { registry, name }: RepositoryId,
): ContentName | undefined {
  return names.find(
    ({ repository }) => repository.registry === registry && repository.name === name,
  )
}
