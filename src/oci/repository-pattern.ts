import { type Glob, globPattern } from '../util/glob.ts'
import type { Repository, Tag } from './reference.ts'

/**
 * `repository` or `repository:tag` of one upstream, as its repositories are called there; `*`
 * stands for anything up to a slash, `**` for anything.
 */
export interface RepositoryPattern {
  text: string
  repository: Glob
  /** Any where left out. */
  tag: Glob | undefined
}

export function repositoryPattern(text: string): RepositoryPattern {
  const [repository = '', tag] = text.split(':')
  return {
    text,
    repository: globPattern(repository),
    tag: tag === undefined ? undefined : globPattern(tag),
  }
}

export function matchesTag(
  pattern: RepositoryPattern,
  { repository, tag }: { repository: Repository; tag: Tag },
): boolean {
  return pattern.repository.test(repository) && (pattern.tag?.test(tag) ?? true)
}
