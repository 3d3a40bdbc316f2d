import type { Repository, Tag } from '../oci/reference.ts'
import { globPattern } from '../util/glob.ts'

/**
 * Patterns `repository` or `repository:tag` of one upstream, as its repositories are called there;
 * `*` stands for anything up to a slash, `**` for anything.
 */
export interface RulePatterns {
  allow: readonly string[]
  deny: readonly string[]
}

interface Rule {
  text: string
  repository: RegExp
  /** Any where left out. */
  tag: RegExp | undefined
}

/** What may be pulled of one upstream: what a rule allows and none denies. */
export class Rules {
  readonly #upstream: string
  readonly #allow: Rule[]
  readonly #deny: Rule[]

  constructor(upstream: string, { allow, deny }: RulePatterns) {
    this.#upstream = upstream
    this.#allow = allow.map(ruleOf)
    this.#deny = deny.map(ruleOf)
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

function matches(pattern: RegExp, tag: Tag | undefined): boolean {
  return tag !== undefined && pattern.test(tag)
}

function ruleOf(text: string): Rule {
  const [repository = '', tag] = text.split(':')
  return {
    text,
    repository: globPattern(repository),
    tag: tag === undefined ? undefined : globPattern(tag),
  }
}
