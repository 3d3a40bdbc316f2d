import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type {
  Content,
  Inventory,
  InventoryTotals,
  RepositoryId,
  TagRecord,
  Use,
} from './inventory.ts'
import { columnsOf, contentOf, descriptorOf } from './rows.ts'
import type { Schema } from './schema.ts'
import {
  addToTotals,
  inChunks,
  latestUses,
  putChildren,
  putContent,
  putLink,
  putRepository,
  raiseUses,
} from './writes.ts'

/** The inventory in the tables of `Schema`, in SQL that SQLite and PostgreSQL share. */
export class SqlInventory implements Inventory {
  readonly #db: Kysely<Schema>

  /** Destroys `db` when it is disposed. */
  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  async record(content: Content, children: Descriptor[], repository: RepositoryId): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await putContent(trx, content)
      await putChildren(trx, content.digest, children)
      await putLink(trx, content.digest, repository)
    })
  }

  async link(digest: Digest, repository: RepositoryId): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const held = await trx
        .selectFrom('content')
        .select('digest')
        .where('digest', '=', digest)
        .executeTakeFirst()
      if (!held) return false
      await putLink(trx, digest, repository)
      return true
    })
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

  async missingChildren(digest: Digest): Promise<Digest[]> {
    const rows = await this.#db
      .selectFrom('child')
      .leftJoin('content', 'content.digest', 'child.digest')
      .select('child.digest')
      .where('child.parent_digest', '=', digest)
      .where('content.digest', 'is', null)
      .groupBy('child.digest')
      .orderBy((eb) => eb.fn.min('child.position'))
      .execute()
    return rows.map((row) => row.digest)
  }

  async forget(digest: Digest): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      const gone = await trx
        .deleteFrom('content')
        .where('digest', '=', digest)
        .returning('size_bytes')
        .executeTakeFirst()
      if (gone) await addToTotals(trx, { bytes: -gone.size_bytes, entries: -1 })
    })
  }

  async tag(repository: RepositoryId, tag: Tag): Promise<TagRecord | undefined> {
    const row = await this.#tagsOf(repository)
      .select(['digest', 'media_type', 'size_bytes', 'checked_at_ms'])
      .where('tag.name', '=', tag)
      .executeTakeFirst()
    return row && { descriptor: descriptorOf(row), checkedAtMs: row.checked_at_ms }
  }

  async putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      const row = {
        repository_id: await putRepository(trx, repository),
        name: tag,
        ...columnsOf(record.descriptor),
        checked_at_ms: record.checkedAtMs,
      }
      await trx
        .insertInto('tag')
        .values(row)
        .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doUpdateSet(row))
        .execute()
    })
  }

  async dropTag(repository: RepositoryId, tag: Tag): Promise<void> {
    await this.#db
      .deleteFrom('tag')
      .where('name', '=', tag)
      .where('repository_id', '=', (eb) =>
        eb
          .selectFrom('repository')
          .select('id')
          .where('registry', '=', repository.registry)
          .where('name', '=', repository.name),
      )
      .execute()
  }

  async tags(repository: RepositoryId): Promise<Tag[]> {
    const rows = await this.#tagsOf(repository).select('tag.name').orderBy('tag.name').execute()
    return rows.map((row) => row.name)
  }

  async touch(uses: Use[]): Promise<void> {
    for (const some of inChunks(latestUses(uses))) {
      await raiseUses(this.#db, some)
      // A large batch must not hold up the pulls of the same process.
      await setImmediate()
    }
  }

  async totals(): Promise<InventoryTotals> {
    const row = await this.#db.selectFrom('totals').selectAll().executeTakeFirstOrThrow()
    return { bytes: row.bytes, entries: row.entries }
  }

  async contents(after: Digest | undefined, limit: number): Promise<Content[]> {
    const all = this.#db.selectFrom('content').selectAll().orderBy('digest').limit(limit)
    const rows = await (after ? all.where('digest', '>', after) : all).execute()
    return rows.map(contentOf)
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

  #tagsOf(repository: RepositoryId) {
    return this.#db
      .selectFrom('tag')
      .innerJoin('repository', 'repository.id', 'tag.repository_id')
      .where('repository.registry', '=', repository.registry)
      .where('repository.name', '=', repository.name)
  }
}
