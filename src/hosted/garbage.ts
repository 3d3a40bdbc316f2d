import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/reference.ts'
import type { Events } from '../telemetry/events.ts'
import type { KeyedLock } from '../util/keyed-lock.ts'
import type { ContentKeeper, UseRecorder } from './content-keeper.ts'
import type { GarbageListener, GarbageProgress, GarbageSummary } from './garbage-finding.ts'
import {
  RepositoryGarbage,
  type RepositoryGarbageOptions,
  type Walk,
} from './repository-garbage.ts'

const PER_QUERY = 500

export interface GarbageOptions extends RepositoryGarbageOptions {
  registry: string
  keeper: ContentKeeper
  uses: UseRecorder
  /** Whoever changes manifests or tags of a repository has its lock. */
  locks: KeyedLock<Repository>
  events: Events
}

/**
 * Takes from repositories what nothing in them needs, and frees what no repository has any more:
 * one repository after the other, while pushes and pulls go on. What somebody may be about to push
 * a manifest for stays, see `gracePeriodMs`; so does what is being read.
 */
export class Garbage {
  readonly #options: GarbageOptions
  readonly #within: RepositoryGarbage

  constructor(options: GarbageOptions) {
    this.#options = options
    this.#within = new RepositoryGarbage(options)
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
        const { registry, name } = repository
        events.garbage.collected({ ...finding, repository: `${registry}/${name}` })
        // As where a client deletes a tag: what it stands for is another matter.
        const gone = tag === undefined ? { digest } : { tag }
        events.feed.tell({ action: 'delete', registry, repository: name, ...gone })
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
        await this.#within.collect({ registry, name }, walk)
      }
      after = names.at(-1)
    }
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
