import type { TagSighting } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { TagReference } from '../oci/reference.ts'
import type { HoldEnd, TagEvents } from '../telemetry/tag-events.ts'
import { type HoldPolicy, lastServed, TagHold } from './tag-hold.ts'
import type { TagRecords } from './tag-records.ts'

/** Has what is behind a descriptor; `undefined` where it cannot be had any more. */
export type Obtain = (descriptor: Descriptor) => Promise<Descriptor | undefined>

export interface TagMovesOptions {
  registry: string
  records: TagRecords
  policy: HoldPolicy
  events: TagEvents
}

/** What upstream says a tag stands for, and what that means to the mirror. */
export interface TagMove {
  ref: TagReference
  /** What it is served as; `undefined` for a tag that is not known. */
  from: Descriptor | undefined
  to: Descriptor
  /** When upstream was asked. */
  atMs: number
  /** Has what it has moved to from something else, where it is served as that. */
  obtain: (to: Descriptor, from: Descriptor) => Promise<Descriptor | undefined>
  /** Has what it was served as, where it is held to that. */
  retain: Obtain
  /** What an operator lets through, whatever the hold. */
  released: Digest | undefined
}

/** What becomes of tags that have moved: those that are held wait. */
export class TagMoves {
  readonly #options: TagMovesOptions
  readonly #hold: TagHold

  constructor(options: TagMovesOptions) {
    this.#options = options
    this.#hold = new TagHold(options.policy)
  }

  /** Until when a tag must not be served as what was seen; `undefined` where it is not held. */
  heldUntil(ref: TagReference, sighting: TagSighting): number | undefined {
    return this.#hold.isFor(ref) ? this.#hold.endMs(sighting) : undefined
  }

  /** What a tag that is not on record, as when it was evicted, must be held to nonetheless. */
  async formerly(ref: TagReference): Promise<Descriptor | undefined> {
    const { records } = this.#options
    if (!this.#hold.isFor(ref)) return undefined
    return lastServed(await records.history(ref))?.descriptor
  }

  /** What it is served as from now on; `undefined` where that cannot be had. */
  async settle(move: TagMove): Promise<Descriptor | undefined> {
    const { records } = this.#options
    const { ref, from, to, atMs, obtain, retain, released } = move
    if (!from || from.digest === to.digest) return to
    if (!this.#hold.isFor(ref)) return obtain(to, from)
    const history = await records.history(ref)
    const sighting = history.find(({ descriptor }) => descriptor.digest === to.digest)
    const isOver = sighting !== undefined && this.#hold.endMs(sighting) <= atMs
    const isReleased = to.digest === released
    if (!isOver && !isReleased) {
      const kept = await retain(from)
      if (kept) {
        if (!sighting) this.#begun(move, kept)
        return kept
      }
    }
    const obtained = await obtain(to, from)
    const end = isReleased ? 'released' : isOver ? 'over' : 'nothing older'
    if (obtained && sighting?.servedSinceMs === undefined) this.#ended(move, sighting, end)
    return obtained
  }

  #begun({ ref, to }: TagMove, { digest }: Descriptor): void {
    this.#options.events.held({ ...this.#about(ref), digest, waiting: to.digest })
  }

  #ended({ ref, to, atMs }: TagMove, sighting: TagSighting | undefined, end: HoldEnd): void {
    const waitedMs = atMs - (sighting?.firstSeenMs ?? atMs)
    this.#options.events.letThrough({ ...this.#about(ref), digest: to.digest, end, waitedMs })
  }

  #about({ repository, tag }: TagReference) {
    return { upstream: this.#options.registry, repository, tag }
  }
}
