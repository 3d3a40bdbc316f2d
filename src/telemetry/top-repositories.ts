import { noPulls, type PullCounts, type PullOutcome } from './served-request.ts'

/** A pull, as it is counted. */
export interface CountedPull {
  upstream: string
  repository: string
  outcome: PullOutcome
  bytes: number
}

/** What went to clients of a repository. */
export interface ServedRepository {
  upstream: string
  repository: string
  bytes: number
  pulls: PullCounts
}

/** So many are told apart, however many there are. */
const MAX_REPOSITORIES = 1000

/**
 * The repositories of which most went to clients, in bounded memory: when there are too many, the
 * lesser half is forgotten and begins at 0 again.
 */
export class TopRepositories {
  #served = new Map<string, ServedRepository>()

  add({ upstream, repository, outcome, bytes }: CountedPull): void {
    const key = keyOf({ upstream, repository })
    let served = this.#served.get(key)
    if (!served) {
      if (this.#served.size === MAX_REPOSITORIES) this.#forgetHalf()
      served = { upstream, repository, bytes: 0, pulls: noPulls() }
      this.#served.set(key, served)
    }
    served.bytes += bytes
    served.pulls[outcome]++
  }

  of(repository: Pick<ServedRepository, 'upstream' | 'repository'>): ServedRepository {
    const served = this.#served.get(keyOf(repository))
    return served ?? { ...repository, bytes: 0, pulls: noPulls() }
  }

  /** The most first, at most `limit`; those of which nothing was sent are left out. */
  list(limit: number): ServedRepository[] {
    const served = [...this.#served.values()].filter(({ bytes }) => bytes > 0)
    return served.sort((a, b) => b.bytes - a.bytes).slice(0, limit)
  }

  #forgetHalf(): void {
    const entries = [...this.#served].sort(([, a], [, b]) => b.bytes - a.bytes)
    this.#served = new Map(entries.slice(0, MAX_REPOSITORIES / 2))
  }
}

function keyOf({
  upstream,
  repository,
}: Pick<ServedRepository, 'upstream' | 'repository'>): string {
  return `${upstream} ${repository}`
}
