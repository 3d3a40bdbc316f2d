import type { ContentName } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import { globPattern } from '../util/glob.ts'

/** Content by its names. */
export interface Named {
  digest: Digest
  names: ContentName[]
}

const PATTERN =
  /^(?<name>\*\*|[a-z0-9._*-]+(?::[0-9]{1,5})?(?:\/[a-z0-9._*-]+)+)(?::(?<tag>[A-Za-z0-9._*-]+)|@(?<digest>sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?$/

/** Longest pattern; a name has at most 255 characters, a tag 128. */
const MAX_LENGTH = 512

/**
 * What `registry/repository`, `registry/repository:tag` or `registry/repository@digest` matches,
 * with globs in repository and tag; without tag and digest it is everything that the repository
 * may serve. `undefined` for what is no pattern.
 */
export function parsePinPattern(text: string): ((content: Named) => boolean) | undefined {
  const match = text.length <= MAX_LENGTH ? PATTERN.exec(text) : null
  if (!match?.groups) return undefined
  const { name = '', tag, digest } = match.groups
  const repositories = globPattern(name)
  const tags = tag === undefined ? undefined : globPattern(tag)
  return (content) => {
    if (digest !== undefined && content.digest !== digest) return false
    return content.names.some(
      ({ repository, tags: named }) =>
        repositories.test(`${repository.registry}/${repository.name}`) &&
        (tags === undefined || named.some((one) => tags.test(one))),
    )
  }
}
