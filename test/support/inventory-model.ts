import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { isIndexType } from '../../src/oci/manifest.ts'
import type { Repository, Tag } from '../../src/oci/reference.ts'
import type { Referrer, Referring } from '../../src/oci/referrers.ts'
import {
  type Candidate,
  type Content,
  type Image,
  type ImageQuery,
  type Inventory,
  type InventoryTotals,
  type LinkedContent,
  type LinkQuery,
  REUSED_AFTER_MS,
  type ReferrersRecord,
  type RepositoryId,
  type RepositoryQuery,
  type RepositorySummary,
  type RootQuery,
  type SummaryQuery,
  type TagRecord,
  type Use,
} from '../../src/inventory/inventory.ts'
import { ReferrersModel } from './referrers-model.ts'
import { SubjectsModel } from './subjects-model.ts'
import { isSame, keyOf } from './repository-keys.ts'
import { imagesPage, type Link, type LinkedWithin, summariesPage } from './listings-model.ts'
import { sumOf } from './sizes.ts'
import { takeFrom } from './taking-model.ts'
import { TagsModel } from './tags-model.ts'

/** The inventory as simply as it can be said, to compare others with. */
export class InventoryModel extends TagsModel implements Inventory {
  readonly #contents = new Map<Digest, Content>()
  readonly #children = new Map<Digest, Descriptor[]>()
  /** When content was last used through each repository that links it, and when it was linked. */
  readonly #links = new Map<Digest, Map<string, Link>>()
  readonly #unlinked = new Set<Digest>()
  readonly #repositories = new Map<string, RepositoryId>()
  readonly #reused = new Set<Digest>()
  readonly #referrers = new ReferrersModel()
  readonly #subjects = new SubjectsModel()
  readonly take: Inventory['take'] = (...taking) => takeFrom(this, ...taking)

  async record(
    content: Content,
    children: Descriptor[],
    repository: RepositoryId,
    referring?: Referring,
  ): Promise<void> {
    await this.adopt(content, children)
    await this.link(content.digest, repository, content.usedAtMs)
    await this.touch([{ digest: content.digest, repository, atMs: content.usedAtMs }])
    if (referring) this.#subjects.put(repository, referring)
  }

  async adopt(content: Content, children: Descriptor[]): Promise<void> {
    const { digest, kind, mediaType } = content
    const held = this.#contents.get(digest)
    if (!held) {
      this.#contents.set(digest, { ...content })
      this.#links.set(digest, new Map())
    } else if (held.kind === 'blob' && kind === 'manifest') {
      Object.assign(held, { kind, mediaType })
      for (const link of this.#linksOf(digest).values()) link.usedAtMs = 0
    }
    if (children.length > 0) this.#children.set(digest, children)
    this.#markReused([digest])
  }

  async link(digest: Digest, repository: RepositoryId, atMs: number): Promise<boolean> {
    if (!this.#contents.has(digest)) return false
    const key = keyOf(repository)
    this.#repositories.set(key, repository)
    const link = this.#linksOf(digest).get(key) ?? { usedAtMs: 0, linkedAtMs: atMs }
    this.#linksOf(digest).set(key, { ...link, linkedAtMs: Math.max(link.linkedAtMs, atMs) })
    return true
  }

  async renewLink(digest: Digest, repository: RepositoryId, atMs: number): Promise<boolean> {
    return (await this.isLinked(digest, repository)) && this.link(digest, repository, atMs)
  }

  async unlink(
    digest: Digest,
    repository: RepositoryId,
    linkedBeforeMs = Infinity,
  ): Promise<boolean> {
    const link = this.#linksOf(digest).get(keyOf(repository))
    if (!link || link.linkedAtMs >= linkedBeforeMs) return false
    for (const [tag, { descriptor }] of this.tagsOf(repository)) {
      if (descriptor.digest === digest) this.tagsOf(repository).delete(tag)
    }
    this.#subjects.forget(digest, repository)
    this.#referrers.forget(digest, repository)
    this.#linksOf(digest).delete(keyOf(repository))
    if (this.#linksOf(digest).size === 0) this.#unlinked.add(digest)
    return true
  }

  async linkedBytes(repository: RepositoryId, except: readonly Digest[]): Promise<number> {
    return sumOf(this.#linkedWithin(repository).filter(({ digest }) => !except.includes(digest)))
  }

  async linked({ repository, kind, after, limit }: LinkQuery): Promise<LinkedContent[]> {
    const linked = this.#sorted().flatMap(({ digest, sizeBytes, ...content }) => {
      const link = this.#linksOf(digest).get(keyOf(repository))
      if (!link || content.kind !== kind || (after && digest <= after)) return []
      const isManifest = kind === 'manifest'
      const children = this.#childrenOf(digest).map((child) => child.digest)
      return {
        digest,
        sizeBytes,
        linkedAtMs: link.linkedAtMs,
        usedAtMs: isManifest ? link.usedAtMs : 0,
        children: isManifest ? [...new Set(children)].sort() : [],
        subjects: isManifest ? this.#subjects.of(digest, repository) : [],
      }
    })
    return linked.slice(0, limit)
  }

  async unlinked(after: Digest | undefined, limit: number): Promise<Digest[]> {
    const isFree = (digest: Digest) =>
      this.#linksOf(digest).size === 0 && this.#parentsOf(digest).length === 0
    return [...this.#unlinked]
      .filter((digest) => (!after || digest > after) && isFree(digest))
      .sort()
      .slice(0, limit)
  }

  async held(digest: Digest): Promise<Content | undefined> {
    const content = this.#contents.get(digest)
    return content && { ...content }
  }

  async isLinked(digest: Digest, repository: RepositoryId): Promise<boolean> {
    return this.#linksOf(digest).has(keyOf(repository))
  }

  async isLinkedWithin(digest: Digest, registry: string): Promise<boolean> {
    return this.#isWithin(digest, registry)
  }

  async repositoriesOf(digest: Digest): Promise<RepositoryId[]> {
    return this.#sortedRepositories([...this.#linksOf(digest).keys()])
  }

  async forget(digest: Digest): Promise<void> {
    this.#contents.delete(digest)
    this.#children.delete(digest)
    this.#links.delete(digest)
    this.#unlinked.delete(digest)
    this.#referrers.forget(digest)
    this.#subjects.forget(digest)
    this.#reused.delete(digest)
  }

  async referrers(digest: Digest, repository: RepositoryId): Promise<ReferrersRecord | undefined> {
    return this.#referrers.of(digest, repository)
  }

  async putReferrers(digest: Digest, repository: RepositoryId, record: ReferrersRecord) {
    if (!this.#contents.has(digest)) return false
    this.#referrers.put(digest, repository, record)
    return true
  }

  override async putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void> {
    this.#repositories.set(keyOf(repository), repository)
    await super.putTag(repository, tag, record)
  }

  async referringTo(repository: RepositoryId, subject: Digest): Promise<Referrer[]> {
    return this.#subjects.referringTo(repository, subject)
  }

  async repositories({ registry, kind, after, limit }: RepositoryQuery): Promise<Repository[]> {
    const contents = [...this.#contents.values()].filter((one) => !kind || one.kind === kind)
    const keys = new Set(contents.flatMap(({ digest }) => [...this.#linksOf(digest).keys()]))
    return this.#sortedRepositories([...keys])
      .filter((repository) => repository.registry === registry && repository.name > after)
      .map(({ name }) => name)
      .slice(0, limit)
  }

  async touch(uses: Use[]): Promise<void> {
    let level = uses
    while (level.length > 0) {
      for (const use of level) this.#raise(use)
      this.#markReused(level.map(({ digest }) => digest))
      level = level.flatMap((use) => this.#useOfParent(use) ?? [])
    }
  }

  async totals(): Promise<InventoryTotals> {
    const contents = [...this.#contents.values()]
    return {
      bytes: sumOf(contents),
      entries: contents.length,
      onceBytes: sumOf(contents.filter(({ digest }) => !this.#reused.has(digest))),
    }
  }

  async contents(after: Digest | undefined, limit: number): Promise<Content[]> {
    return this.#sorted()
      .filter(({ digest }) => after === undefined || digest > after)
      .slice(0, limit)
  }

  async roots({ usage, after, limit }: RootQuery): Promise<Candidate[]> {
    const isBehind = (content: Content) => {
      if (!after || content.usedAtMs > after.usedAtMs) return true
      return content.usedAtMs === after.usedAtMs && content.digest > after.digest
    }
    return this.#sorted()
      .filter(isBehind)
      .map((content) => this.#candidate(content))
      .filter((candidate) => candidate.parents === 0 && candidate.usage === usage)
      .sort((a, b) => a.usedAtMs - b.usedAtMs)
      .slice(0, limit)
  }

  async evict(digest: Digest, mayGo: (candidate: Candidate) => boolean): Promise<Candidate[]> {
    const content = this.#contents.get(digest)
    const candidate = content && this.#candidate(content)
    if (!candidate || !mayGo(candidate)) return []
    const children = this.#childrenOf(digest)
    const gone = [candidate]
    await this.forget(digest)
    this.dropTagsOf(digest)
    for (const child of children) {
      if (this.#parentsOf(child.digest).length === 0)
        gone.push(...(await this.evict(child.digest, mayGo)))
    }
    return gone
  }

  async lineage(digest: Digest): Promise<Candidate[]> {
    const lineage = new Set([digest])
    for (const content of lineage) {
      for (const parent of this.#parentsOf(content)) lineage.add(parent)
    }
    return this.#sorted()
      .filter((content) => lineage.has(content.digest))
      .map((content) => this.#candidate(content))
  }

  async children(digest: Digest): Promise<Candidate[]> {
    const held = new Set(this.#childrenOf(digest).map((child) => child.digest))
    return this.#sorted()
      .filter((content) => held.has(content.digest))
      .map((content) => this.#candidate(content))
  }

  async images(query: ImageQuery): Promise<Image[]> {
    const images = this.#sortedRepositories([...this.#repositories.keys()]).flatMap((within) =>
      this.#sorted().flatMap((content) => {
        const { parents, names } = this.#candidate(content)
        const tags = names.find((name) => isSame(name.repository, within))?.tags ?? []
        const isListed = content.kind === 'manifest' && (parents === 0 || tags.length > 0)
        if (!isListed || !this.#linksOf(content.digest).has(keyOf(within))) return []
        return [{ ...content, repository: within, tags, ...this.#sizesOf(content.digest, within) }]
      }),
    )
    return imagesPage(images, query)
  }

  async repositorySummaries(query: SummaryQuery): Promise<RepositorySummary[]> {
    const images = await this.images({ repository: undefined, after: undefined, limit: Infinity })
    const all = this.#sortedRepositories([...this.#repositories.keys()])
    const within = (repository: RepositoryId) => this.#linkedWithin(repository)
    return summariesPage(all, within, images, query)
  }

  async heldBytes(digests: Digest[]): Promise<number> {
    return sumOf(this.#heldBelow(digests))
  }

  async sync(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #raise({ digest, repository, atMs }: Use): void {
    const content = this.#contents.get(digest)
    if (content) content.usedAtMs = Math.max(content.usedAtMs, atMs)
    const link = this.#linksOf(digest).get(keyOf(repository))
    if (link) link.usedAtMs = Math.max(link.usedAtMs, atMs)
  }

  /** What is reused stays so; what is used again becomes so with all that it names. */
  #markReused(used: Digest[]): void {
    for (const { usedAtMs, storedAtMs, digest } of this.#contentsOf(used)) {
      if (usedAtMs - storedAtMs >= REUSED_AFTER_MS) this.#reused.add(digest)
    }
    for (const { digest } of this.#heldBelow([...this.#reused])) this.#reused.add(digest)
  }

  #useOfParent({ digest, repository, atMs }: Use): Use | undefined {
    if (this.#parentsOf(digest).length === 0) return undefined
    const usedAtMs = (content: Content) =>
      this.#linksOf(content.digest).get(keyOf(repository))?.usedAtMs ?? -1
    const last = this.#sorted()
      .filter((content) => content.kind === 'manifest' && usedAtMs(content) >= 0)
      .sort((a, b) => usedAtMs(b) - usedAtMs(a))
      .slice(0, 100)
      .find((parent) => this.#childrenOf(parent.digest).some((child) => child.digest === digest))
    return last && { digest: last.digest, repository, atMs }
  }

  #isWithin(digest: Digest, registry: string): boolean {
    const repositories = this.#sortedRepositories([...this.#linksOf(digest).keys()])
    return repositories.some((repository) => repository.registry === registry)
  }

  #sizesOf(root: Digest, { registry }: RepositoryId) {
    const held = this.#heldBelow([root])
    // What would go with it if it went: all that no other content that stays names.
    const going = new Set(this.#parentsOf(root).length === 0 ? [root] : [])
    for (let known = -1; known < going.size;) {
      known = going.size
      for (const { digest } of held) {
        const parents = this.#parentsOf(digest)
        if (parents.length > 0 && parents.every((parent) => going.has(parent))) going.add(digest)
      }
    }
    const isLinked = ({ digest }: Pick<Content, 'digest'>) => this.#isWithin(digest, registry)
    const missing = held.filter(isLinked).flatMap(({ digest, mediaType }) => {
      const children = this.#childrenOf(digest)
      const absent = children.filter((child) => !isLinked(child))
      return isIndexType(mediaType) && absent.length < children.length ? [] : absent
    })
    return {
      heldBytes: sumOf(held),
      exclusiveBytes: sumOf(held.filter(({ digest }) => going.has(digest))),
      missingBytes: sumOf(new Map(missing.map((child) => [child.digest, child])).values()),
    }
  }

  #heldBelow(digests: Digest[]): Content[] {
    const below = new Set(digests)
    for (const digest of below)
      for (const child of this.#childrenOf(digest)) below.add(child.digest)
    return this.#contentsOf([...below])
  }

  #contentsOf(digests: Digest[]): Content[] {
    return digests.flatMap((digest) => this.#contents.get(digest) ?? [])
  }

  #candidate(content: Content): Candidate {
    const { digest } = content
    const tags = (repository: RepositoryId) =>
      [...this.tagsOf(repository)]
        .filter(([, { descriptor }]) => descriptor.digest === digest)
        .map(([tag]) => tag)
        .sort()
    const names = this.#sortedRepositories([...this.#repositories.keys()])
      .map((repository) => ({ repository, tags: tags(repository) }))
      .filter((name) => name.tags.length > 0 || this.#linksOf(digest).has(keyOf(name.repository)))
    const usage = this.#reused.has(digest) ? 'again' : 'once'
    return { ...content, usage, parents: this.#parentsOf(digest).length, names }
  }

  #parentsOf(digest: Digest): Digest[] {
    return [...this.#children]
      .filter(([, children]) => children.some((child) => child.digest === digest))
      .map(([parent]) => parent)
      .sort()
  }

  #childrenOf(digest: Digest): Descriptor[] {
    return this.#children.get(digest) ?? []
  }

  #linksOf(digest: Digest): Map<string, Link> {
    return this.#links.get(digest) ?? new Map<string, Link>()
  }

  #linkedWithin(repository: RepositoryId): LinkedWithin[] {
    return this.#sorted().flatMap((content) => {
      const links = this.#linksOf(content.digest)
      const link = links.get(keyOf(repository))
      return link ? [{ ...content, usedAtMs: link.usedAtMs, isShared: links.size > 1 }] : []
    })
  }

  #sorted(): Content[] {
    return [...this.#contents.values()]
      .map((content) => ({ ...content }))
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
  }

  #sortedRepositories(keys: string[]): RepositoryId[] {
    return keys.sort().flatMap((key) => this.#repositories.get(key) ?? [])
  }
}
