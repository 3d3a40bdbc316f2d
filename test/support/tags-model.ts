import type {
  NamedTagRecord,
  RememberedDigest,
  RepositoryId,
  TagRecord,
  TagSighting,
  WaitingSighting,
} from '../../src/inventory/inventory.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { NotesModel } from './notes-model.ts'
import { keyOf } from './repository-keys.ts'
import { TagHistoryModel } from './tag-history-model.ts'

/** What an inventory keeps of tags, besides its notes. */
export class TagsModel extends NotesModel {
  readonly #tags = new Map<string, Map<Tag, TagRecord>>()
  readonly #histories = new TagHistoryModel()

  async tag(repository: RepositoryId, tag: Tag): Promise<TagRecord | undefined> {
    return this.tagsOf(repository).get(tag)
  }

  async putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void> {
    this.#tags.set(keyOf(repository), this.tagsOf(repository).set(tag, record))
  }

  async dropTag(repository: RepositoryId, tag: Tag): Promise<void> {
    this.tagsOf(repository).delete(tag)
  }

  async tags(repository: RepositoryId): Promise<Tag[]> {
    return [...this.tagsOf(repository).keys()].sort()
  }

  async tagRecords(repository: RepositoryId): Promise<NamedTagRecord[]> {
    const records = Array.from(this.tagsOf(repository), ([tag, record]) => ({ tag, ...record }))
    return records.sort((a, b) => (a.tag < b.tag ? -1 : 1))
  }

  async seeTag(
    repository: RepositoryId,
    tag: Tag,
    seen: Descriptor,
    record: TagRecord,
    by?: string,
  ): Promise<void> {
    await this.putTag(repository, tag, record)
    this.#histories.see(repository, tag, seen, record, by)
  }

  async history(repository: RepositoryId, tag: Tag): Promise<TagSighting[]> {
    return this.#histories.of(repository, tag)
  }

  async remembered(repository: RepositoryId, perTag: number): Promise<RememberedDigest[]> {
    const tags = await this.tags(repository)
    return tags.flatMap((tag) => {
      const last = this.#histories.of(repository, tag).slice(0, perTag)
      const digests = last.map(({ descriptor }) => descriptor.digest)
      return digests.sort().map((digest) => ({ tag, digest }))
    })
  }

  async waiting(): Promise<WaitingSighting[]> {
    return this.#histories.waiting(
      (repository, tag) => this.tagsOf(repository).get(tag)?.descriptor.digest,
    )
  }

  async dropHistories(beforeMs: number): Promise<void> {
    this.#histories.drop(beforeMs, (repository, tag) => this.tagsOf(repository).has(tag))
  }

  protected tagsOf(repository: RepositoryId): Map<Tag, TagRecord> {
    return this.#tags.get(keyOf(repository)) ?? new Map<Tag, TagRecord>()
  }

  protected dropTagsOf(digest: Digest): void {
    for (const records of this.#tags.values()) {
      for (const [tag, { descriptor }] of records) {
        if (descriptor.digest === digest) records.delete(tag)
      }
    }
  }
}
