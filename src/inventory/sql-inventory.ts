import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository, Tag } from '../oci/reference.ts'
import type { Referrer } from '../oci/referrers.ts'
import { candidatesOf, childrenOf, lineageOf, rootsOf } from './candidates.ts'
import { putChildren } from './children.ts'
import { inChunks } from './chunks.ts'
import { evict, remove } from './evict.ts'
import { allFreezes, dropFreeze, putFreeze } from './freezes.ts'
import { bytesOf, treeOf } from './image-tree.ts'
import { imagesOf } from './images.ts'
import type {
  Candidate,
  Content,
  Freeze,
  Image,
  ImageQuery,
  Inventory,
  InventoryTotals,
  Pin,
  ReferrersRecord,
  RepositoryId,
  RootQuery,
  TagRecord,
  TagSighting,
  Use,
  WaitingSighting,
} from './inventory.ts'
import { putSubject, referringTo } from './subjects.ts'
import { latestUses, raiseUses, useRowsOf } from './raise-uses.ts'
import { putReferrers, referrersRecord } from './referrers.ts'
import { contentOf } from './rows.ts'
import type { Schema } from './schema.ts'
import type { Sample, Span, SpanQuery } from './span.ts'
import { addSample, spansOf } from './spans.ts'
import { dropHistories, historyOf, seeTag, waitingSightings } from './tag-history.ts'
import { dropTag, putTag, tagNames, tagRecord } from './tags.ts'
import { unlink } from './unlink.ts'
import { putContent, putLink } from './writes.ts'

/** Takes some milliseconds, for which pulls have to wait. */
const USES_PER_TURN = 25

/** The inventory in the tables of `Schema`, in SQL that SQLite and PostgreSQL share. */
export class SqlInventory implements Inventory {
  readonly #db: Kysely<Schema>
  readonly #sync: () => Promise<void>

  /** Destroys `db` when it is disposed. `sync` makes durable what has been committed. */
  constructor(db: Kysely<Schema>, sync: () => Promise<void>) {
    this.#db = db
    this.#sync = sync
  }

  async record(content: Content, children: Descriptor[], repository: RepositoryId): Promise<void> {
    const { digest, usedAtMs: atMs } = content
    await this.#db.transaction().execute(async (trx) => {
      await putContent(trx, content)
      await putChildren(trx, digest, children)
      const repositoryId = await putLink(trx, digest, repository)
      if (repositoryId !== undefined) await raiseUses(trx, [{ digest, repositoryId, atMs }])
    })
  }

  async adopt(content: Content, children: Descriptor[]): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await putContent(trx, content)
      await putChildren(trx, content.digest, children)
    })
  }

  async link(digest: Digest, repository: RepositoryId): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      return (await putLink(trx, digest, repository)) !== undefined
    })
  }

  async unlink(digest: Digest, repository: RepositoryId): Promise<boolean> {
    return this.#db.transaction().execute((trx) => unlink(trx, digest, repository))
  }

  async held(digest: Digest): Promise<Content | undefined> {
    const row = await this.#db
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
    return this.#db
      .selectFrom('link')
      .innerJoin('repository', 'repository.id', 'link.repository_id')
      .select(['registry', 'name'])
      .where('digest', '=', digest)
      .orderBy('registry')
      .orderBy('name')
      .execute()
  }

  async forget(digest: Digest): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await remove(trx, await candidatesOf(trx, [digest]))
    })
  }

  async referrers(digest: Digest, repository: RepositoryId): Promise<ReferrersRecord | undefined> {
    return referrersRecord(this.#db, digest, repository)
  }

  async putReferrers(
    digest: Digest,
    repository: RepositoryId,
    record: ReferrersRecord,
  ): Promise<boolean> {
    return this.#db.transaction().execute((trx) => putReferrers(trx, digest, repository, record))
  }

  async tag(repository: RepositoryId, tag: Tag): Promise<TagRecord | undefined> {
    return tagRecord(this.#db, repository, tag)
  }

  async putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void> {
    await this.#db.transaction().execute((trx) => putTag(trx, repository, tag, record))
  }

  async dropTag(repository: RepositoryId, tag: Tag): Promise<void> {
    await dropTag(this.#db, repository, tag)
  }

  async tags(repository: RepositoryId): Promise<Tag[]> {
    return tagNames(this.#db, repository)
  }

  async seeTag(
    repository: RepositoryId,
    tag: Tag,
    seen: Descriptor,
    record: TagRecord,
  ): Promise<void> {
    await this.#db.transaction().execute((trx) => seeTag(trx, repository, tag, seen, record))
  }

  async history(repository: RepositoryId, tag: Tag): Promise<TagSighting[]> {
    return historyOf(this.#db, repository, tag)
  }

  async waiting(): Promise<WaitingSighting[]> {
    return waitingSightings(this.#db)
  }

  async dropHistories(beforeMs: number): Promise<void> {
    await dropHistories(this.#db, beforeMs)
  }

  async freezes(): Promise<Freeze[]> {
    return allFreezes(this.#db)
  }

  async putFreeze(freeze: Freeze): Promise<void> {
    await this.#db.transaction().execute((trx) => putFreeze(trx, freeze))
  }

  async dropFreeze(repository: RepositoryId, tag: Tag): Promise<void> {
    await dropFreeze(this.#db, repository, tag)
  }

  async putSubject(repository: RepositoryId, subject: Digest, referrer: Referrer): Promise<void> {
    await this.#db.transaction().execute((trx) => putSubject(trx, repository, subject, referrer))
  }

  async referringTo(repository: RepositoryId, subject: Digest): Promise<Referrer[]> {
    return referringTo(this.#db, repository, subject)
  }

  async repositories(registry: string, after: string, limit: number): Promise<Repository[]> {
    const rows = await this.#db
      .selectFrom('repository')
      .select('name')
      .where('registry', '=', registry)
      .where('name', '>', after as Repository)
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('link')
            .select('link.digest')
            .whereRef('link.repository_id', '=', 'repository.id')
            .where('link.used_at_ms', 'is not', null),
        ),
      )
      .orderBy('name')
      .limit(limit)
      .execute()
    return rows.map(({ name }) => name)
  }

  async touch(uses: Use[]): Promise<void> {
    for (const some of inChunks(latestUses(uses), USES_PER_TURN)) {
      await this.#db.transaction().execute(async (trx) => {
        await raiseUses(trx, await useRowsOf(trx, some))
      })
      // A large batch must not hold up the pulls of the same process.
      await setImmediate()
    }
  }

  async totals(): Promise<InventoryTotals> {
    const row = await this.#db.selectFrom('totals').selectAll().executeTakeFirstOrThrow()
    return { bytes: row.bytes, entries: row.entries, onceBytes: row.once_bytes }
  }

  async contents(after: Digest | undefined, limit: number): Promise<Content[]> {
    const all = this.#db.selectFrom('content').selectAll().orderBy('digest').limit(limit)
    const rows = await (after ? all.where('digest', '>', after) : all).execute()
    return rows.map(contentOf)
  }

  async roots(query: RootQuery): Promise<Candidate[]> {
    return this.#db.transaction().execute((trx) => rootsOf(trx, query))
  }

  async evict(digest: Digest, mayGo: (candidate: Candidate) => boolean): Promise<Candidate[]> {
    return this.#db.transaction().execute((trx) => evict(trx, digest, mayGo))
  }

  async children(digest: Digest): Promise<Candidate[]> {
    return this.#db.transaction().execute((trx) => childrenOf(trx, digest))
  }

  async lineage(digest: Digest): Promise<Candidate[]> {
    return this.#db.transaction().execute((trx) => lineageOf(trx, digest))
  }

  async images(query: ImageQuery): Promise<Image[]> {
    return this.#db.transaction().execute((trx) => imagesOf(trx, query))
  }

  async heldBytes(digests: Digest[]): Promise<number> {
    const tree = await this.#db.transaction().execute((trx) => treeOf(trx, digests))
    return bytesOf(tree.values())
  }

  async addSample(sample: Sample): Promise<void> {
    await this.#db.transaction().execute((trx) => addSample(trx, sample))
  }

  async spans(query: SpanQuery): Promise<Span[]> {
    return spansOf(this.#db, query)
  }

  async pins(): Promise<Pin[]> {
    const rows = await this.#db.selectFrom('pin').selectAll().orderBy('pattern').execute()
    return rows.map((row) => ({ pattern: row.pattern, createdAtMs: row.created_at_ms }))
  }

  async addPin({ pattern, createdAtMs }: Pin): Promise<void> {
    await this.#db
      .insertInto('pin')
      .values({ pattern, created_at_ms: createdAtMs })
      .onConflict((conflict) => conflict.column('pattern').doNothing())
      .execute()
  }

  async dropPin(pattern: string): Promise<boolean> {
    const dropped = await this.#db
      .deleteFrom('pin')
      .where('pattern', '=', pattern)
      .returning('pattern')
      .executeTakeFirst()
    return dropped !== undefined
  }

  async jobState(job: string): Promise<unknown> {
    const row = await this.#db
      .selectFrom('job')
      .select('state')
      .where('name', '=', job)
      .executeTakeFirst()
    return row && JSON.parse(row.state)
  }

  async putJobState(job: string, value: unknown): Promise<void> {
    const state = JSON.stringify(value)
    await this.#db
      .insertInto('job')
      .values({ name: job, state })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ state }))
      .execute()
  }

  sync(): Promise<void> {
    return this.#sync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#db.destroy()
  }

  #linksWithin(digest: Digest, registry: string) {
    return this.#db
      .selectFrom('link')
      .innerJoin('repository', 'repository.id', 'link.repository_id')
      .select('link.digest')
      .where('link.digest', '=', digest)
      .where('repository.registry', '=', registry)
  }
}
