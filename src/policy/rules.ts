import type { Repository, Tag } from '../oci/reference.ts'
import { type RepositoryPattern, repositoryPattern } from '../oci/repository-pattern.ts'
import type { Glob } from '../util/glob.ts'

/** Patterns as oci/repository-pattern.ts reads them. */
export interface RulePatterns {
  allow: readonly string[]
  deny: readonly string[]
}

/** What may be pulled of one upstream: what a rule allows and none denies. */
export class Rules {
  readonly #upstream: string
  readonly #allow: RepositoryPattern[]
  readonly #deny: RepositoryPattern[]

  constructor(upstream: string, { allow, deny }: RulePatterns) {
    this.#upstream = upstream
    this.#allow = allow.map(repositoryPattern)
    this.#deny = deny.map(repositoryPattern)
  }

  /**
   * Which rule refuses a tag, or with `undefined` what has none: a digest, a blob, the list of
   * tags. Of those nobody knows the tags, so that a rule about tags neither denies them nor keeps
   * them from being allowed. `undefined` where it may be pulled.
   */
  refusalOf(repository: Repository, tag: Tag | undefined): string | undefined {
    const name = `${this.#upstream}/${repository}${tag === undefined ? '' : `:${tag}`}`
    const denying = this.#deny.find(
      (rule) => rule.repository.test(repository) && (!rule.tag || matches(rule.tag, tag)),
    )
    if (denying) return `${name} is denied here by the rule deny: ${denying.text}`
    const isAllowed = this.#allow.some(
      (rule) =>
        rule.repository.test(repository) &&
        (!rule.tag || tag === undefined || matches(rule.tag, tag)),
    )
    if (isAllowed) return undefined
    const allowed = this.#allow.map(({ text }) => text).join(', ') || 'nothing'
    return `${name} is denied here by the rule allow: ${allowed}`
  }
}

function matches(pattern: Glob, tag: Tag | undefined): boolean {
  return tag !== undefined && pattern.test(tag)
}
