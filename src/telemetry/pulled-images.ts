import { noPulls, type PullCounts, type PullOutcome } from './served-request.ts'

/** A manifest that went to a client. */
export interface PulledManifest {
  upstream: string
  repository: string
  digest: string
  outcome: PullOutcome
}

/** So many are told apart, however many there are. */
const MAX_IMAGES = 5000

/**
 * How often each image was pulled, in bounded memory: when there are too many, those that were not
 * pulled for the longest time are forgotten, and begin at 0 again.
 */
export class PulledImages {
  /** What was pulled last stands last. */
  readonly #pulls = new Map<string, PullCounts>()

  add({ outcome, ...image }: PulledManifest): void {
    const key = keyOf(image)
    const pulls = this.#pulls.get(key) ?? noPulls()
    pulls[outcome]++
    this.#pulls.delete(key)
    this.#pulls.set(key, pulls)
    const [oldest] = this.#pulls.keys()
    if (this.#pulls.size > MAX_IMAGES && oldest !== undefined) this.#pulls.delete(oldest)
  }

  of(image: Omit<PulledManifest, 'outcome'>): PullCounts {
    return { ...(this.#pulls.get(keyOf(image)) ?? noPulls()) }
  }
}

function keyOf({ upstream, repository, digest }: Omit<PulledManifest, 'outcome'>): string {
  return `${upstream} ${repository} ${digest}`
}
