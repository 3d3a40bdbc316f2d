import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'
import {
  MAX_SIGHTINGS,
  type RepositoryId,
  type TagRecord,
  type TagSighting,
  type WaitingSighting,
} from '../../src/inventory/inventory.ts'

/** The histories of tags as simply as they can be said. */
export class TagHistoryModel {
  readonly #histories = new Map<string, TagSighting[]>()

  see(
    repository: RepositoryId,
    tag: Tag,
    seen: Descriptor,
    record: TagRecord,
    by: string | undefined,
  ): void {
    const atMs = record.checkedAtMs
    const history = this.of(repository, tag)
    const known = history.find(({ descriptor }) => descriptor.digest === seen.digest)
    const isServed = record.descriptor.digest === seen.digest
    const sighting = {
      descriptor: seen,
      firstSeenMs: known?.firstSeenMs ?? atMs,
      lastSeenMs: Math.max(known?.lastSeenMs ?? atMs, atMs),
      servedSinceMs: known?.servedSinceMs ?? (isServed ? atMs : undefined),
      by,
    }
    const all = [...history.filter((other) => other !== known), sighting].sort(byLastSeen)
    const lastServed = all.find(({ servedSinceMs }) => servedSinceMs !== undefined)
    const kept = all.filter((other, index) => index < MAX_SIGHTINGS || other === lastServed)
    this.#histories.set(keyOf(repository, tag), kept)
  }

  of(repository: RepositoryId, tag: Tag): TagSighting[] {
    return this.#histories.get(keyOf(repository, tag)) ?? []
  }

  waiting(servedOf: (repository: RepositoryId, tag: Tag) => Digest | undefined): WaitingSighting[] {
    const keys = [...this.#histories.keys()].sort()
    return keys.flatMap((key) => {
      const { repository, tag } = nameIn(key)
      const [sighting] = this.of(repository, tag)
      if (!sighting || sighting.servedSinceMs !== undefined) return []
      return [{ repository, tag, sighting, served: servedOf(repository, tag) }]
    })
  }

  drop(beforeMs: number, isOnRecord: (repository: RepositoryId, tag: Tag) => boolean): void {
    for (const [key, history] of this.#histories) {
      const { repository, tag } = nameIn(key)
      if (isOnRecord(repository, tag)) continue
      const kept = history.filter(({ lastSeenMs }) => lastSeenMs >= beforeMs)
      this.#histories.set(key, kept)
    }
  }
}

function byLastSeen(a: TagSighting, b: TagSighting): number {
  const byTime = b.lastSeenMs - a.lastSeenMs || b.firstSeenMs - a.firstSeenMs
  return byTime || (a.descriptor.digest < b.descriptor.digest ? 1 : -1)
}

function keyOf({ registry, name }: RepositoryId, tag: Tag): string {
  return `${registry} ${name} ${tag}`
}

function nameIn(key: string): { repository: RepositoryId; tag: Tag } {
  const [registry, name, tag] = key.split(' ') as [string, Repository, Tag]
  return { repository: { registry, name }, tag }
}
