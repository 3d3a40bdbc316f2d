import type { Content, RepositoryId, TagSighting } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import { parseManifest, parseManifestType } from '../oci/manifest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import type { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper } from './content-keeper.ts'
import { missingOf, type MissingOptions } from './missing.ts'
import type { HostedTags } from './tags.ts'

export interface RollbackOptions extends MissingOptions {
  keeper: ContentKeeper
  tags: HostedTags
  /** Who changes a repository has its lock. */
  locks: KeyedLock<Repository>
  events: Events
}

export interface RollbackTarget {
  repository: RepositoryId
  tag: Tag
  /** A digest of its history, or what it stood for at a time; what it stood for before where left out. */
  to: { digest: Digest } | { atMs: number } | undefined
}

/**
 * back: the tag stands for the digest now; unknown: the history has no such digest; gone: the
 * repository does not have all of it any more; immutable: the tag is.
 */
export type RollbackResult =
  | { outcome: 'back'; digest: Digest }
  | { outcome: 'unknown' | 'immutable' }
  | { outcome: 'gone'; digest: Digest }

/** Lets tags stand for what they stood for. Durable when it resolves. */
export class Rollback {
  readonly #options: RollbackOptions

  constructor(options: RollbackOptions) {
    this.#options = options
  }

  async run({ repository, tag, to }: RollbackTarget, signal: AbortSignal): Promise<RollbackResult> {
    const { inventory, tags, locks, events } = this.#options
    using _lock = await locks.acquire(repository.name, signal)
    const current = await inventory.tag(repository, tag)
    const history = await inventory.history(repository, tag)
    const sighting = sightingAt(history, to, current?.descriptor.digest)
    if (!sighting) return { outcome: 'unknown' }
    const { descriptor } = sighting
    const { digest } = descriptor
    if (current?.descriptor.digest === digest) return { outcome: 'back', digest }
    if (current && tags.isImmutable(repository.name, tag)) return { outcome: 'immutable' }
    if (!(await this.#isWhole(repository, digest))) return { outcome: 'gone', digest }
    await tags.put(repository, tag, descriptor, undefined)
    await inventory.sync()
    const { registry, name } = repository
    events.feed.tell({ action: 'push', registry, repository: name, tag, ...descriptor })
    await events.feed.settle()
    return { outcome: 'back', digest }
  }

  async #isWhole(repository: RepositoryId, digest: Digest): Promise<boolean> {
    const { inventory, keeper } = this.#options
    if (!(await inventory.isLinked(digest, repository))) return false
    const content: Content | undefined = await inventory.held(digest)
    const bytes = content && (await keeper.readKeptManifest(content))
    const type = content && parseManifestType(content.mediaType)
    const manifest = bytes && type && parseManifest(type, bytes)
    if (!manifest) return false
    return (await missingOf(this.#options, repository, manifest)).length === 0
  }
}

function sightingAt(
  history: readonly TagSighting[],
  to: RollbackTarget['to'],
  current: Digest | undefined,
): TagSighting | undefined {
  if (!to) return history.find(({ descriptor }) => descriptor.digest !== current)
  if ('digest' in to) return history.find(({ descriptor }) => descriptor.digest === to.digest)
  // Of one digest it is known when it was pushed first and last.
  const pushedMs = ({ firstSeenMs, lastSeenMs }: TagSighting) =>
    lastSeenMs <= to.atMs ? lastSeenMs : firstSeenMs
  return history
    .filter((sighting) => pushedMs(sighting) <= to.atMs)
    .toSorted((a, b) => pushedMs(b) - pushedMs(a))
    .at(0)
}
