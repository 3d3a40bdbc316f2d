import type { Freeze, RepositoryId, TagSighting } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'

export interface TagName {
  repository: RepositoryId
  tag: Tag
}

/** A tag that upstream has moved, and that is served as before. */
export interface ListedHold extends TagName {
  /** What it is served as; `undefined` where that is not known any more. */
  served: Digest | undefined
  waiting: Digest
  knownSinceMs: number
  /** When the hold is over: it is served as what waits from the first check after that. */
  untilMs: number
}

/**
 * released: the tag is served as what waited; absent: nothing waits; frozen: the tag is, so nothing
 * can be let through; moved: upstream has moved the tag on, and what waits now is something else.
 */
export type Release =
  | { outcome: 'released'; digest: Digest }
  | { outcome: 'absent' | 'frozen' | 'moved' }

/** A digest, or what the tag was served as at a time. */
export type FreezeAt = { digest: Digest } | { atMs: number }

/**
 * unmirrored: the tag is of no upstream; unknown: nobody knows what it stands for, or stood for
 * then; gone: nobody has that.
 */
export type FreezeResult =
  | { outcome: 'frozen'; digest: Digest }
  | { outcome: 'unmirrored' | 'unknown' | 'gone' }

/**
 * What operators may ask about the tags of a running mirror. Throws InventoryError, and
 * UpstreamError where upstream has to be asked and cannot answer.
 */
export interface TagOperations {
  /** In order of registry, name and tag. */
  holds(): Promise<ListedHold[]>
  /** Asks upstream, and serves the tag as what waits from now on, once its manifest is here. */
  release(name: TagName, signal: AbortSignal): Promise<Release>
  /** What was seen last comes first. */
  history(name: TagName): Promise<TagSighting[]>
  /** In order of registry, name and tag. */
  freezes(): Promise<Freeze[]>
  /**
   * Freezes a tag at what it is served as where `at` is left out. Replaces a freeze that is there.
   * Makes sure that the digest is held, or that upstream has it.
   */
  freeze(name: TagName, at: FreezeAt | undefined, signal: AbortSignal): Promise<FreezeResult>
  /** The tag is served as before it was frozen, until upstream says otherwise. False where it is not frozen. */
  unfreeze(name: TagName): Promise<boolean>
}
