import type { TagSighting } from '../inventory/inventory.ts'
import type { TagReference } from '../oci/reference.ts'
import { matchesTag, repositoryPattern, type RepositoryPattern } from '../oci/repository-pattern.ts'

export interface HoldPolicy {
  /** How long a digest must have been known before a known tag is served as it; 0 for not at all. */
  holdMs: number
  /** Tags that are not held: patterns as oci/repository-pattern.ts reads them. */
  holdExcept: readonly string[]
}

/** Which tags of one upstream are held, and until when. */
export class TagHold {
  readonly #holdMs: number
  readonly #except: RepositoryPattern[]

  constructor({ holdMs, holdExcept }: HoldPolicy) {
    this.#holdMs = holdMs
    this.#except = holdExcept.map(repositoryPattern)
  }

  isFor(ref: Pick<TagReference, 'repository' | 'tag'>): boolean {
    return this.#holdMs > 0 && !this.#except.some((pattern) => matchesTag(pattern, ref))
  }

  /** Until when a tag that this is for must not be served as what was seen. */
  endMs({ firstSeenMs, servedSinceMs }: TagSighting): number {
    return servedSinceMs ?? firstSeenMs + this.#holdMs
  }
}

/** What a tag was served as last, of its history. */
export function lastServed(history: readonly TagSighting[]): TagSighting | undefined {
  return history.find(({ servedSinceMs }) => servedSinceMs !== undefined)
}

/**
 * What a tag was served as at a time, as far as its history tells: of what was served by then, that
 * which was seen last by then. `undefined` before the first.
 */
export function servedAt(history: readonly TagSighting[], atMs: number): TagSighting | undefined {
  const [latest] = history
    .filter(({ servedSinceMs = Infinity }) => servedSinceMs <= atMs)
    .map((sighting) => ({ sighting, seenMs: Math.min(sighting.lastSeenMs, atMs) }))
    .toSorted((a, b) => b.seenMs - a.seenMs || b.sighting.firstSeenMs - a.sighting.firstSeenMs)
  return latest?.sighting
}
