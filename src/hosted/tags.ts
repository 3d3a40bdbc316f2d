import type { Inventory, RepositoryId } from '../inventory/inventory.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import { matchesTag, repositoryPattern, type RepositoryPattern } from '../oci/repository-pattern.ts'
import type { Clock } from '../util/clock.ts'

export interface HostedTagsOptions {
  inventory: Inventory
  /** Patterns of tags that stand for one digest for ever: `v*`, or `team/app:v*` of some repositories. */
  immutable: readonly string[]
  clock: Clock
}

/** What tags stand for. Whoever calls has the lock of the repository; nothing is durable before a sync. */
export class HostedTags {
  readonly #inventory: Inventory
  readonly #clock: Clock
  readonly #immutable: readonly RepositoryPattern[]

  constructor({ inventory, clock, immutable }: HostedTagsOptions) {
    this.#inventory = inventory
    this.#clock = clock
    this.#immutable = immutable.map(tagPattern)
  }

  isImmutable(repository: Repository, tag: Tag): boolean {
    return this.#immutable.some((pattern) => matchesTag(pattern, { repository, tag }))
  }

  /** Throws RegistryError `DENIED` where one of the tags stands for something else, and for ever. */
  async demandMovable(
    repository: RepositoryId,
    tags: readonly Tag[],
    digest: Digest,
  ): Promise<void> {
    for (const tag of tags.filter((one) => this.isImmutable(repository.name, one))) {
      const record = await this.#inventory.tag(repository, tag)
      if (record && record.descriptor.digest !== digest) {
        throw immutable(tag, `it stands for ${record.descriptor.digest}`)
      }
    }
  }

  /** Throws RegistryError `DENIED` where a tag stands for it, or for an index that names it, for ever. */
  async demandUntagged(repository: RepositoryId, digest: Digest): Promise<void> {
    if (this.#immutable.length === 0) return
    const lineage = await this.#inventory.lineage(digest)
    const needing = new Set(lineage.map((content) => content.digest))
    for (const { tag, descriptor } of await this.#inventory.tagRecords(repository)) {
      const isBound = needing.has(descriptor.digest) && this.isImmutable(repository.name, tag)
      if (isBound) throw immutable(tag, 'it cannot be deleted')
    }
  }

  /** `by`: who wants it so, where that is known. */
  async put(
    repository: RepositoryId,
    tag: Tag,
    descriptor: Descriptor,
    by: string | undefined,
  ): Promise<void> {
    const record = { descriptor, checkedAtMs: this.#clock.now() }
    await this.#inventory.seeTag(repository, tag, descriptor, record, by)
  }

  /** False where there is none. Throws RegistryError `DENIED` where it is immutable. */
  async delete(repository: RepositoryId, tag: Tag): Promise<boolean> {
    if (!(await this.#inventory.tag(repository, tag))) return false
    if (this.isImmutable(repository.name, tag)) throw immutable(tag, 'it cannot be deleted')
    await this.#inventory.dropTag(repository, tag)
    return true
  }
}

/** Without a repository in front it is about all of them. */
function tagPattern(text: string): RepositoryPattern {
  return repositoryPattern(text.includes(':') ? text : `**:${text}`)
}

function immutable(tag: Tag, why: string): RegistryError {
  return new RegistryError('DENIED', `the tag ${tag} is immutable: ${why}`)
}
