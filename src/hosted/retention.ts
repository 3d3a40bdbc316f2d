import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import { type Glob, globPattern } from '../util/glob.ts'
import { formatDuration } from '../util/duration.ts'

/** Which tags of some repositories stay; the others are deleted. What is left out keeps none. */
export interface RetentionRule {
  /** Patterns of their names, where `*` stands for anything up to a slash, `**` for anything. */
  repositories: readonly string[]
  /** So many that were pushed last, besides those of `keepTags`. */
  keepNewest: number | undefined
  /** Patterns of tags. */
  keepTags: readonly string[]
  /** Those that were pushed or pulled within this. */
  unusedAfterMs: number | undefined
}

export interface DatedTag {
  tag: Tag
  digest: Digest
  pushedAtMs: number
  /** When it was last pulled; 0 where never. */
  usedAtMs: number
}

export interface ExpiredTag extends DatedTag {
  /** Why no rule keeps it. */
  reason: string
}

interface ReadRule {
  repositories: readonly Glob[]
  keepTags: readonly Glob[]
  keepNewest: number | undefined
  unusedAfterMs: number | undefined
}

/** Tells which tags have had their time. */
export class Retention {
  readonly #rules: readonly ReadRule[]

  constructor(rules: readonly RetentionRule[]) {
    this.#rules = rules.map((rule) => ({
      ...rule,
      repositories: rule.repositories.map(globPattern),
      keepTags: rule.keepTags.map(globPattern),
    }))
  }

  /** Whether a rule is about the repository. */
  isAbout(repository: Repository): boolean {
    return this.#rulesOf(repository).length > 0
  }

  /**
   * Those of the tags of a repository that no rule keeps, in their order. Where no rule is about
   * the repository all of them stay.
   */
  expired(repository: Repository, tags: readonly DatedTag[], nowMs: number): ExpiredTag[] {
    const rules = this.#rulesOf(repository)
    if (rules.length === 0) return []
    const verdicts = rules.map((rule) => reasonsBy(rule, tags, nowMs))
    return tags.flatMap((tag) => {
      const reasons = verdicts.flatMap((reasonOf) => reasonOf.get(tag.tag) ?? [])
      if (reasons.length < rules.length) return []
      return [{ ...tag, reason: [...new Set(reasons)].join('; ') }]
    })
  }

  #rulesOf(repository: Repository): ReadRule[] {
    return this.#rules.filter(({ repositories }) => matchesAny(repositories, repository))
  }
}

/** Of the tags that a rule does not keep. */
function reasonsBy(
  { keepTags, keepNewest, unusedAfterMs }: ReadRule,
  tags: readonly DatedTag[],
  nowMs: number,
): Map<Tag, string> {
  const others = tags.filter(({ tag }) => !matchesAny(keepTags, tag)).toSorted(byPush)
  const reasons = new Map<Tag, string>()
  for (const { tag, pushedAtMs, usedAtMs } of others.slice(keepNewest ?? 0)) {
    const unusedMs = nowMs - Math.max(pushedAtMs, usedAtMs)
    if (unusedAfterMs !== undefined && unusedMs < unusedAfterMs) continue
    const parts = [
      ...(keepNewest === undefined ? [] : [`not among the newest ${keepNewest}`]),
      ...(unusedAfterMs === undefined ? [] : [`unused for ${formatDuration(unusedAfterMs)}`]),
    ]
    reasons.set(tag, parts.join(', '))
  }
  return reasons
}

/** The newest first; of those that were pushed at the same time the last by name. */
function byPush(a: DatedTag, b: DatedTag): number {
  return b.pushedAtMs - a.pushedAtMs || (a.tag < b.tag ? 1 : -1)
}

function matchesAny(patterns: readonly Glob[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text))
}
