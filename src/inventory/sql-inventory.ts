import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/reference.ts'
import type { Referrer, Referring } from '../oci/referrers.ts'
import { candidatesOf, childrenOf, lineageOf, rootsOf } from './candidates.ts'
import { putChildren } from './children.ts'
import { inChunks } from './chunks.ts'
import { evict, remove } from './evict.ts'
import { bytesOf, treeOf } from './image-tree.ts'
import { imagesOf } from './images.ts'
import type {
  Candidate,
  Content,
  Image,
  ImageQuery,
  Inventory,
  InventoryTotals,
  LinkedContent,
  LinkQuery,
  ReferrersRecord,
  RepositoryId,
  RepositoryQuery,
  RepositorySummary,
  RootQuery,
  SummaryQuery,
  Taken,
  Taking,
  Use,
} from './inventory.ts'
import { linkedBytes, linkedContents, renewLink, unlink, unlinkedContents } from './links.ts'
import { repositoryNames } from './repositories.ts'
import { repositorySummaries } from './repository-summaries.ts'
import { putSubject, referringTo } from './subjects.ts'
import { latestUses, raiseUses, useRowsOf } from './raise-uses.ts'
import { putReferrers, referrersRecord } from './referrers.ts'
import { contentOf } from './rows.ts'
import type { Schema } from './schema.ts'
import { SqlNotes } from './sql-notes.ts'
import { take } from './take.ts'
import { kindOf, putContent, putLink } from './writes.ts'

/** Takes some milliseconds, for which pulls have to wait. */
const USES_PER_TURN = 25

/** The inventory in the tables of `Schema`, in SQL that SQLite and PostgreSQL share. */
export class SqlInventory extends SqlNotes implements Inventory {
  readonly #sync: () => Promise<void>

  /** Destroys `db` when it is disposed. `sync` makes durable what has been committed. */
  constructor(db: Kysely<Schema>, sync: () => Promise<void>) {
    super(db)
    this.#sync = sync
  }

  async record(
    content: Content,
    children: Descriptor[],
    repository: RepositoryId,
    referring?: Referring,
  ): Promise<void> {
    const { digest, usedAtMs: atMs } = content
    await this.db.transaction().execute(async (trx) => {
      const { kind, isNewAlone } = await putContent(trx, content)
      await putChildren(trx, digest, children)
      const repositoryId = await putLink(trx, { digest, kind }, repository, atMs)
      if (!isNewAlone) await raiseUses(trx, [{ digest, repositoryId, atMs }])
      if (referring) await putSubject(trx, repositoryId, referring)
    })
  }

  async adopt(content: Content, children: Descriptor[]): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      await putContent(trx, content)
      await putChildren(trx, content.digest, children)
    })
  }

  async link(digest: Digest, repository: RepositoryId, atMs: number): Promise<boolean> {
    return this.db.transaction().execute(async (trx) => {
      const kind = await kindOf(trx, digest)
      if (kind) await putLink(trx, { digest, kind }, repository, atMs)
      return kind !== undefined
    })
  }

  async renewLink(digest: Digest, repository: RepositoryId, atMs: number): Promise<boolean> {
    return this.db.transaction().execute((trx) => renewLink(trx, digest, repository, atMs))
  }

  async unlink(
    digest: Digest,
    repository: RepositoryId,
    linkedBeforeMs?: number,
  ): Promise<boolean> {
    return this.db.transaction().execute((trx) => unlink(trx, digest, repository, linkedBeforeMs))
  }

  async linkedBytes(repository: RepositoryId, except: readonly Digest[]): Promise<number> {
    return this.db.transaction().execute((trx) => linkedBytes(trx, repository, except))
  }

  async linked(query: LinkQuery): Promise<LinkedContent[]> {
    return this.db.transaction().execute((trx) => linkedContents(trx, query))
  }

  async unlinked(after: Digest | undefined, limit: number): Promise<Digest[]> {
    return unlinkedContents(this.db, after, limit)
  }

  async held(digest: Digest): Promise<Content | undefined> {
    const row = await this.db
      .selectFrom('content')
      .selectAll()
      .where('digest', '=', digest)
      .executeTakeFirst()
    return row && contentOf(row)
  }

  async isLinked(digest: Digest, repository: RepositoryId): Promise<boolean> {
    const row = await this.#linksWithin(digest, repository.registry)
      .where('repository.name', '=', repository.name)
      .executeTakeFirst()
    return row !== undefined
  }

  async isLinkedWithin(digest: Digest, registry: string): Promise<boolean> {
    const row = await this.#linksWithin(digest, registry).limit(1).executeTakeFirst()
    return row !== undefined
  }

  async repositoriesOf(digest: Digest): Promise<RepositoryId[]> {
    return this.db
      .selectFrom('link')
      .innerJoin('repository', 'repository.id', 'link.repository_id')
      .select(['registry', 'name'])
      .where('digest', '=', digest)
      .orderBy('registry')
      .orderBy('name')
      .execute()
  }

  async forget(digest: Digest): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      await remove(trx, await candidatesOf(trx, [digest]))
    })
  }

  async referrers(digest: Digest, repository: RepositoryId): Promise<ReferrersRecord | undefined> {
    return referrersRecord(this.db, digest, repository)
  }

  async putReferrers(
    digest: Digest,
    repository: RepositoryId,
    record: ReferrersRecord,
  ): Promise<boolean> {
    return this.db.transaction().execute((trx) => putReferrers(trx, digest, repository, record))
  }

  async referringTo(repository: RepositoryId, subject: Digest): Promise<Referrer[]> {
    return referringTo(this.db, repository, subject)
  }

  async repositories(query: RepositoryQuery): Promise<Repository[]> {
    return repositoryNames(this.db, query)
  }

  async touch(uses: Use[]): Promise<void> {
    for (const some of inChunks(latestUses(uses), USES_PER_TURN)) {
      await this.db.transaction().execute(async (trx) => {
        await raiseUses(trx, await useRowsOf(trx, some))
      })
      // A large batch must not hold up the pulls of the same process.
      await setImmediate()
    }
  }

  async totals(): Promise<InventoryTotals> {
    const row = await this.db.selectFrom('totals').selectAll().executeTakeFirstOrThrow()
    return { bytes: row.bytes, entries: row.entries, onceBytes: row.once_bytes }
  }

  async contents(after: Digest | undefined, limit: number): Promise<Content[]> {
    const all = this.db.selectFrom('content').selectAll().orderBy('digest').limit(limit)
    const rows = await (after ? all.where('digest', '>', after) : all).execute()
    return rows.map(contentOf)
  }

  async roots(query: RootQuery): Promise<Candidate[]> {
    return this.db.transaction().execute((trx) => rootsOf(trx, query))
  }

  async evict(digest: Digest, mayGo: (candidate: Candidate) => boolean): Promise<Candidate[]> {
    return this.db.transaction().execute((trx) => evict(trx, digest, mayGo))
  }

  async take(taking: Taking, mayGo: (candidate: Candidate) => boolean): Promise<Taken> {
    return this.db.transaction().execute((trx) => take(trx, taking, mayGo))
  }

  async children(digest: Digest): Promise<Candidate[]> {
    return this.db.transaction().execute((trx) => childrenOf(trx, digest))
  }

  async lineage(digest: Digest): Promise<Candidate[]> {
    return this.db.transaction().execute((trx) => lineageOf(trx, digest))
  }

  async images(query: ImageQuery): Promise<Image[]> {
    return this.db.transaction().execute((trx) => imagesOf(trx, query))
  }

  repositorySummaries(query: SummaryQuery): Promise<RepositorySummary[]> {
    return repositorySummaries(this.db, query)
  }

  async heldBytes(digests: Digest[]): Promise<number> {
    const tree = await this.db.transaction().execute((trx) => treeOf(trx, digests))
    return bytesOf(tree.values())
  }

  sync(): Promise<void> {
    return this.#sync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.db.destroy()
  }

  #linksWithin(digest: Digest, registry: string) {
    return this.db
      .selectFrom('link')
      .innerJoin('repository', 'repository.id', 'link.repository_id')
      .select('link.digest')
      .where('link.digest', '=', digest)
      .where('repository.registry', '=', registry)
  }
}
