import { setImmediate } from 'node:timers/promises'
import type { ContentKind, Inventory, LinkedContent, RepositoryId } from '../inventory/inventory.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../util/clock.ts'
import type { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper } from './content-keeper.ts'
import { neededOf, topmost } from './needs.ts'

const PER_QUERY = 500

/** So many digests that a tag stood for last stay, for the sake of a rollback. */
const REMEMBERED = 10

/** What becomes of manifests that no tag stands for, no index names, and that refer to nothing. */
export type UntaggedPolicy = 'keep' | 'delete'

export interface GarbageOptions {
  registry: string
  inventory: Inventory
  keeper: ContentKeeper
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
  kind: ContentKind
  repository: RepositoryId
  digest: Digest
  bytes: number
  reason: string
}

/**
 * What was taken from repositories, and what of it no other needs: freed, or, of a dry run, what
 * no repository would have any more.
 */
export interface GarbageSummary {
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
  take: (finding: GarbageFinding, linkedBeforeMs: number) => Promise<boolean>
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
    const summary = { manifests: 0, blobs: 0, freedContents: 0, freedBytes: 0 }
    await this.#walk({
      signal,
      looked: counting(report),
      take: async (finding, linkedBeforeMs) => {
        const { kind, digest, repository } = finding
        if (!(await inventory.unlink(digest, repository, linkedBeforeMs))) return false
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
    const summary = { manifests: 0, blobs: 0, freedContents: 0, freedBytes: 0 }
    const taken = new Map<Digest, number>()
    await this.#walk({
      signal,
      looked: counting(progress),
      take: async (finding) => {
        const { kind, digest, bytes } = finding
        await item(finding)
        summary[`${kind}s`]++
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
    const { inventory, registry, locks } = this.#options
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
    if (untagged === 'delete') await this.#collectManifests(repository, manifests, beforeMs, walk)
    const named = new Set<Digest>()
    for (const { children } of manifests.values()) for (const child of children) named.add(child)
    const reason = 'no manifest names it'
    for await (const { digest, sizeBytes: bytes, linkedAtMs } of this.#linked(
      repository,
      'blob',
      walk,
    )) {
      if (named.has(digest) || linkedAtMs >= beforeMs) continue
      await walk.take({ kind: 'blob', repository, digest, bytes, reason }, beforeMs)
    }
  }

  /** What goes is deleted from `manifests`. */
  async #collectManifests(
    repository: RepositoryId,
    manifests: Map<Digest, LinkedContent>,
    beforeMs: number,
    { take, signal }: Walk,
  ): Promise<void> {
    const stay = new Set([
      ...(await this.#tagged(repository)),
      // A tag can be rolled back to these.
      ...(await this.#options.inventory.remembered(repository, REMEMBERED)),
    ])
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
        const finding = { kind: 'manifest', repository, digest, bytes, reason } as const
        if (await take(finding, beforeMs)) manifests.delete(digest)
        else stay.add(digest)
      }
    }
  }

  async #tagged(repository: RepositoryId): Promise<Digest[]> {
    const records = await this.#options.inventory.tagRecords(repository)
    return records.map(({ descriptor }) => descriptor.digest)
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
