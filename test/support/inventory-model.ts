import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import type {
  Content,
  Inventory,
  InventoryTotals,
  RepositoryId,
  TagRecord,
  Use,
} from '../../src/inventory/inventory.ts'

/** The inventory as simply as it can be said, to compare others with. */
export class InventoryModel implements Inventory {
  readonly #contents = new Map<Digest, Content>()
  readonly #children = new Map<Digest, Descriptor[]>()
  readonly #links = new Map<Digest, Set<string>>()
  readonly #tags = new Map<string, Map<Tag, TagRecord>>()

  async record(content: Content, children: Descriptor[], repository: RepositoryId): Promise<void> {
    const held = this.#contents.get(content.digest)
    if (!held) {
      this.#contents.set(content.digest, { ...content })
      this.#links.set(content.digest, new Set())
    } else if (held.kind === 'blob' && content.kind === 'manifest') {
      held.kind = 'manifest'
      held.mediaType = content.mediaType
    }
    if (children.length > 0) this.#children.set(content.digest, children)
    this.#links.get(content.digest)?.add(keyOf(repository))
  }

  async link(digest: Digest, repository: RepositoryId): Promise<boolean> {
    this.#links.get(digest)?.add(keyOf(repository))
    return this.#contents.has(digest)
  }

  async held(digest: Digest): Promise<Content | undefined> {
    return this.#contents.get(digest)
  }

  async isLinked(digest: Digest, repository: RepositoryId): Promise<boolean> {
    return this.#links.get(digest)?.has(keyOf(repository)) ?? false
  }

  async isLinkedWithin(digest: Digest, registry: string): Promise<boolean> {
    return [...(this.#links.get(digest) ?? [])].some((key) => key.startsWith(`${registry} `))
  }

  async missingChildren(digest: Digest): Promise<Digest[]> {
    const named = new Set(this.#children.get(digest)?.map((child) => child.digest))
    return [...named].filter((child) => !this.#contents.has(child))
  }

  async forget(digest: Digest): Promise<void> {
    this.#contents.delete(digest)
    this.#children.delete(digest)
    this.#links.delete(digest)
  }

  async tag(repository: RepositoryId, tag: Tag): Promise<TagRecord | undefined> {
    return this.#tags.get(keyOf(repository))?.get(tag)
  }

  async putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void> {
    const tags = this.#tags.get(keyOf(repository)) ?? new Map<Tag, TagRecord>()
    this.#tags.set(keyOf(repository), tags.set(tag, record))
  }

  async dropTag(repository: RepositoryId, tag: Tag): Promise<void> {
    this.#tags.get(keyOf(repository))?.delete(tag)
  }

  async tags(repository: RepositoryId): Promise<Tag[]> {
    return [...(this.#tags.get(keyOf(repository))?.keys() ?? [])].sort()
  }

  async touch(uses: Use[]): Promise<void> {
    for (const { digest, atMs } of uses) {
      const content = this.#contents.get(digest)
      if (content) content.usedAtMs = Math.max(content.usedAtMs, atMs)
    }
  }

  async totals(): Promise<InventoryTotals> {
    const contents = [...this.#contents.values()]
    const bytes = contents.reduce((sum, content) => sum + content.sizeBytes, 0)
    return { bytes, entries: contents.length }
  }

  async contents(after: Digest | undefined, limit: number): Promise<Content[]> {
    return [...this.#contents.values()]
      .filter(({ digest }) => after === undefined || digest > after)
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
      .slice(0, limit)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

function keyOf({ registry, name }: RepositoryId): string {
  return `${registry} ${name}`
}
