import type { Kysely } from 'kysely'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Tag } from '../oci/reference.ts'
import { dropEvents, eventQueues, queuedEvents, queueEvents } from './event-queue.ts'
import { allFreezes, dropFreeze, putFreeze } from './freezes.ts'
import type {
  Freeze,
  NamedTagRecord,
  Pin,
  RememberedDigest,
  RepositoryId,
  TagRecord,
  TagSighting,
  WaitingSighting,
} from './inventory.ts'
import type { EventQueueState, QueuedEvent } from './queued-event.ts'
import type { Schema } from './schema.ts'
import type { Sample, Span, SpanQuery } from './span.ts'
import { addSample, spansOf } from './spans.ts'
import {
  dropHistories,
  historyOf,
  rememberedDigests,
  seeTag,
  waitingSightings,
} from './tag-history.ts'
import { dropTag, putTag, tagNames, tagRecord, tagRecords } from './tags.ts'

/** The part of the inventory that does not depend on what is held: tags, pins, statistics, what jobs keep and webhooks wait for. */
export class SqlNotes {
  protected readonly db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.db = db
  }

  async tag(repository: RepositoryId, tag: Tag): Promise<TagRecord | undefined> {
    return tagRecord(this.db, repository, tag)
  }

  async putTag(repository: RepositoryId, tag: Tag, record: TagRecord): Promise<void> {
    await this.db.transaction().execute((trx) => putTag(trx, repository, tag, record))
  }

  async dropTag(repository: RepositoryId, tag: Tag): Promise<void> {
    await dropTag(this.db, repository, tag)
  }

  async tags(repository: RepositoryId): Promise<Tag[]> {
    return tagNames(this.db, repository)
  }

  async tagRecords(repository: RepositoryId): Promise<NamedTagRecord[]> {
    return tagRecords(this.db, repository)
  }

  async seeTag(
    repository: RepositoryId,
    tag: Tag,
    seen: Descriptor,
    record: TagRecord,
    by?: string,
  ): Promise<void> {
    await this.db.transaction().execute((trx) => seeTag(trx, repository, tag, seen, record, by))
  }

  async history(repository: RepositoryId, tag: Tag): Promise<TagSighting[]> {
    return historyOf(this.db, repository, tag)
  }

  async remembered(repository: RepositoryId, perTag: number): Promise<RememberedDigest[]> {
    return rememberedDigests(this.db, repository, perTag)
  }

  async waiting(): Promise<WaitingSighting[]> {
    return waitingSightings(this.db)
  }

  async dropHistories(beforeMs: number): Promise<void> {
    await dropHistories(this.db, beforeMs)
  }

  async freezes(): Promise<Freeze[]> {
    return allFreezes(this.db)
  }

  async putFreeze(freeze: Freeze): Promise<void> {
    await this.db.transaction().execute((trx) => putFreeze(trx, freeze))
  }

  async dropFreeze(repository: RepositoryId, tag: Tag): Promise<void> {
    await dropFreeze(this.db, repository, tag)
  }

  async addSample(sample: Sample): Promise<void> {
    await this.db.transaction().execute((trx) => addSample(trx, sample))
  }

  async spans(query: SpanQuery): Promise<Span[]> {
    return spansOf(this.db, query)
  }

  async pins(): Promise<Pin[]> {
    const rows = await this.db.selectFrom('pin').selectAll().orderBy('pattern').execute()
    return rows.map((row) => ({ pattern: row.pattern, createdAtMs: row.created_at_ms }))
  }

  async addPin({ pattern, createdAtMs }: Pin): Promise<void> {
    await this.db
      .insertInto('pin')
      .values({ pattern, created_at_ms: createdAtMs })
      .onConflict((conflict) => conflict.column('pattern').doNothing())
      .execute()
  }

  async dropPin(pattern: string): Promise<boolean> {
    const dropped = await this.db
      .deleteFrom('pin')
      .where('pattern', '=', pattern)
      .returning('pattern')
      .executeTakeFirst()
    return dropped !== undefined
  }

  async jobState(job: string): Promise<unknown> {
    const row = await this.db
      .selectFrom('job')
      .select('state')
      .where('name', '=', job)
      .executeTakeFirst()
    return row && JSON.parse(row.state)
  }

  async putJobState(job: string, value: unknown): Promise<void> {
    const state = JSON.stringify(value)
    await this.db
      .insertInto('job')
      .values({ name: job, state })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ state }))
      .execute()
  }

  async queueEvents(events: readonly QueuedEvent[]): Promise<void> {
    await this.db.transaction().execute((trx) => queueEvents(trx, events))
  }

  async queuedEvents(webhook: string, limit: number): Promise<QueuedEvent[]> {
    return queuedEvents(this.db, webhook, limit)
  }

  async dropEvents(webhook: string, throughPosition: number): Promise<number> {
    return dropEvents(this.db, webhook, throughPosition)
  }

  async eventQueues(): Promise<EventQueueState[]> {
    return eventQueues(this.db)
  }
}
