import { setImmediate } from 'node:timers/promises'
import type { ContentKind, Inventory, LinkedContent, RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { Clock } from '../util/clock.ts'
import type { GarbageFinding } from './garbage-finding.ts'
import { neededOf, topmost } from './needs.ts'
import type { Retention } from './retention.ts'
import type { HostedTags } from './tags.ts'

const PER_QUERY = 500

/** So many digests that a tag stood for last stay, for the sake of a rollback. */
const REMEMBERED = 10

/** What becomes of manifests that no tag stands for, no index names, and that refer to nothing. */
export type UntaggedPolicy = 'keep' | 'delete'

export interface RepositoryGarbageOptions {
  inventory: Inventory
  tags: HostedTags
  /** Which tags are deleted. */
  retention: Retention
  /** What was pushed, mounted or looked at with HEAD stays for so long, whatever needs it. */
  gracePeriodMs: number
  untagged: UntaggedPolicy
  clock: Clock
}

/** One walk through all repositories. */
export interface Walk {
  signal: AbortSignal
  /** Counts what was looked at. */
  looked: (contents: number) => void
  /** Takes content from its repository; false where it was needed again meanwhile. */
  take: (finding: GarbageFinding, linkedBeforeMs?: number) => Promise<boolean>
}

/** The manifests of a repository, and those that stay whatever names them. */
interface Untagged {
  repository: RepositoryId
  manifests: Map<Digest, LinkedContent>
  stay: Set<Digest>
  beforeMs: number
}

/** Finds what one repository need not have: tags first, then what they needed. */
export class RepositoryGarbage {
  readonly #options: RepositoryGarbageOptions

  constructor(options: RepositoryGarbageOptions) {
    this.#options = options
  }

  /** Whoever calls has the lock of the repository. */
  async collect(repository: RepositoryId, walk: Walk): Promise<void> {
    const { clock, gracePeriodMs, untagged } = this.#options
    const beforeMs = clock.now() - gracePeriodMs
    const manifests = new Map<Digest, LinkedContent>()
    for await (const manifest of this.#linked(repository, 'manifest', walk)) {
      manifests.set(manifest.digest, manifest)
    }
    const expired = await this.#expireTags(repository, manifests, walk)
    if (untagged === 'delete') {
      const stay = await this.#standing(repository, expired)
      await this.#collectManifests({ repository, manifests, stay, beforeMs }, walk)
    }
    const named = new Set<Digest>()
    for (const { children } of manifests.values()) for (const child of children) named.add(child)
    const reason = 'no manifest names it'
    for await (const { digest, sizeBytes: bytes, linkedAtMs } of this.#linked(
      repository,
      'blob',
      walk,
    )) {
      if (named.has(digest) || linkedAtMs >= beforeMs) continue
      const finding = { kind: 'blob', repository, tag: undefined, digest, bytes, reason } as const
      await walk.take(finding, beforeMs)
    }
  }

  /** Returns the tags that no rule keeps, which are gone, or of a dry run would be. */
  async #expireTags(
    repository: RepositoryId,
    manifests: ReadonlyMap<Digest, LinkedContent>,
    { take }: Walk,
  ): Promise<Set<Tag>> {
    const { inventory, retention, tags, clock } = this.#options
    const expired = new Set<Tag>()
    if (!retention.isAbout(repository.name)) return expired
    const records = await inventory.tagRecords(repository)
    const dated = records.flatMap(({ tag, descriptor: { digest }, checkedAtMs: pushedAtMs }) => {
      const usedAtMs = manifests.get(digest)?.usedAtMs ?? 0
      return tags.isImmutable(repository.name, tag) ? [] : { tag, digest, pushedAtMs, usedAtMs }
    })
    for (const { tag, digest, reason } of retention.expired(repository.name, dated, clock.now())) {
      const finding = { kind: 'tag', repository, tag, digest, bytes: 0, reason } as const
      await take(finding)
      expired.add(tag)
    }
    return expired
  }

  /** What the tags stand for, and may be rolled back to. */
  async #standing(repository: RepositoryId, expired: ReadonlySet<Tag>): Promise<Set<Digest>> {
    const { inventory } = this.#options
    const records = await inventory.tagRecords(repository)
    const named = [
      ...records.map(({ tag, descriptor: { digest } }) => ({ tag, digest })),
      ...(await inventory.remembered(repository, REMEMBERED)),
    ]
    const standing = named.filter(({ tag }) => !expired.has(tag))
    return new Set(standing.map(({ digest }) => digest))
  }

  /** What goes is deleted from `manifests`. */
  async #collectManifests(
    { repository, manifests, stay, beforeMs }: Untagged,
    { take, signal }: Walk,
  ): Promise<void> {
    const reason = 'untagged, and nothing needs it'
    for (;;) {
      signal.throwIfAborted()
      const needed = neededOf(
        manifests,
        ({ digest, linkedAtMs }) => stay.has(digest) || linkedAtMs >= beforeMs,
      )
      const going = topmost(new Map([...manifests].filter(([digest]) => !needed.has(digest))))
      if (going.length === 0) return
      for (const { digest, sizeBytes: bytes } of going) {
        const about = { repository, tag: undefined, digest, bytes, reason }
        const finding = { kind: 'manifest', ...about } as const
        if (await take(finding, beforeMs)) manifests.delete(digest)
        else stay.add(digest)
      }
    }
  }

  async *#linked(
    repository: RepositoryId,
    kind: ContentKind,
    { signal, looked }: Walk,
  ): AsyncIterable<LinkedContent> {
    const { inventory } = this.#options
    let after: Digest | undefined
    do {
      signal.throwIfAborted()
      const page = await inventory.linked({ repository, kind, after, limit: PER_QUERY })
      yield* page
      looked(page.length)
      after = page.length === PER_QUERY ? page.at(-1)?.digest : undefined
      // So that pulls get their turn.
      await setImmediate()
    } while (after)
  }
}
