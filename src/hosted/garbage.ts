import { setImmediate } from 'node:timers/promises'
import type { ContentKind, Inventory, LinkedContent, RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import type { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper, UseRecorder } from './content-keeper.ts'
import { neededOf, topmost } from './needs.ts'
import type { Retention } from './retention.ts'
import type { HostedTags } from './tags.ts'

const PER_QUERY = 500

/** So many digests that a tag stood for last stay, for the sake of a rollback. */
const REMEMBERED = 10

/** What becomes of manifests that no tag stands for, no index names, and that refer to nothing. */
export type UntaggedPolicy = 'keep' | 'delete'

export interface GarbageOptions {
  registry: string
  inventory: Inventory
  keeper: ContentKeeper
  uses: UseRecorder
  tags: HostedTags
  /** Which tags are deleted. */
  retention: Retention
  /** Whoever changes manifests or tags of a repository has its lock. */
  locks: KeyedLock<Repository>
  /** What was pushed, mounted or looked at with HEAD stays for so long, whatever needs it. */
  gracePeriodMs: number
  untagged: UntaggedPolicy
  clock: Clock
  events: Events
}

/** What a repository need not have any more. */
export interface GarbageFinding {
  kind: ContentKind | 'tag'
  repository: RepositoryId
  /** Of a tag alone. */
  tag: Tag | undefined
  /** Of the content, or what the tag stands for. */
  digest: Digest
  /** Of a tag none. */
  bytes: number
  reason: string
}

/**
 * What was taken from repositories, and what of it no other needs: freed, or, of a dry run, what
 * no repository would have any more.
 */
export interface GarbageSummary {
  tags: number
  manifests: number
  blobs: number
  freedContents: number
  freedBytes: number
}

/** How far it has come. */
interface GarbageProgress {
  done: number
  total: number | undefined
  unit: 'bytes' | 'images' | 'contents'
}

export interface GarbageListener {
  progress: (progress: GarbageProgress) => void
  /** The work waits until it resolves. */
  item: (finding: GarbageFinding) => Promise<void>
  signal: AbortSignal
}

/** One walk through all repositories. */
interface Walk {
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

/**
 * Takes from repositories what nothing in them needs, and frees what no repository has any more:
 * one repository after the other, while pushes and pulls go on. What somebody may be about to push
 * a manifest for stays, see `gracePeriodMs`; so does what is being read.
 */
export class Garbage {
  readonly #options: GarbageOptions

  constructor(options: GarbageOptions) {
    this.#options = options
  }

  /** Throws InventoryError. What is left when the signal is aborted is for the next run. */
  async run(
    signal: AbortSignal,
    report: (progress: GarbageProgress) => void,
  ): Promise<GarbageSummary> {
    const { inventory, events } = this.#options
    const summary = { tags: 0, manifests: 0, blobs: 0, freedContents: 0, freedBytes: 0 }
    await this.#walk({
      signal,
      looked: counting(report),
      take: async (finding, linkedBeforeMs) => {
        const { kind, digest, repository, tag } = finding
        if (tag !== undefined) await inventory.dropTag(repository, tag)
        else if (!(await inventory.unlink(digest, repository, linkedBeforeMs))) return false
        summary[`${kind}s`]++
        const name = `${repository.registry}/${repository.name}`
        events.garbage.collected({ ...finding, repository: name })
        const { registry } = repository
        events.feed.tell({ action: 'delete', registry, repository: repository.name, digest })
        return true
      },
    })
    await this.#free(signal, summary)
    return summary
  }

  /** Changes nothing; what `run` would take is told as items. */
  async preview({ signal, progress, item }: GarbageListener): Promise<GarbageSummary> {
    const { inventory } = this.#options
    const summary = { tags: 0, manifests: 0, blobs: 0, freedContents: 0, freedBytes: 0 }
    const taken = new Map<Digest, number>()
    await this.#walk({
      signal,
      looked: counting(progress),
      take: async (finding) => {
        const { kind, digest, bytes } = finding
        await item(finding)
        summary[`${kind}s`]++
        if (kind === 'tag') return true
        const times = (taken.get(digest) ?? 0) + 1
        taken.set(digest, times)
        if (times < (await inventory.repositoriesOf(digest)).length) return true
        summary.freedContents++
        summary.freedBytes += bytes
        return true
      },
    })
    return summary
  }

  async #walk(walk: Walk): Promise<void> {
    const { inventory, uses, registry, locks } = this.#options
    // What was pulled just now counts as used.
    await uses.flush()
    for (let after: string | undefined = ''; after !== undefined;) {
      const names = await inventory.repositories({
        registry,
        kind: undefined,
        after,
        limit: PER_QUERY,
      })
      for (const name of names) {
        using _lock = await locks.acquire(name, walk.signal)
        await this.#collect({ registry, name }, walk)
      }
      after = names.at(-1)
    }
  }

  async #collect(repository: RepositoryId, walk: Walk): Promise<void> {
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

  async #free(signal: AbortSignal, summary: GarbageSummary): Promise<void> {
    const { inventory, keeper, events } = this.#options
    // Else a power cut could bring back a link whose bytes are gone, and a push would rely on it.
    await inventory.sync()
    let after: Digest | undefined
    do {
      const unlinked = await inventory.unlinked(after, PER_QUERY)
      for (const digest of unlinked) {
        signal.throwIfAborted()
        const gone = await keeper.evictUnlinked(digest)
        if (gone.length === 0) continue
        const bytes = gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        events.evicted({ reason: 'gc', digest, contents: gone.length, bytes })
        summary.freedContents += gone.length
        summary.freedBytes += bytes
      }
      after = unlinked.at(-1)
    } while (after)
  }
}

function counting(report: (progress: GarbageProgress) => void): Walk['looked'] {
  let done = 0
  return (contents) => {
    done += contents
    report({ done, total: undefined, unit: 'contents' })
  }
}
