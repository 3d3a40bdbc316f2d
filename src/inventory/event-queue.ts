import type { Kysely, Transaction } from 'kysely'
import { inChunks } from './chunks.ts'
import type { EventQueueState, QueuedEvent } from './queued-event.ts'
import type { Schema } from './schema.ts'

/** See Inventory.queueEvents. */
export async function queueEvents(
  trx: Transaction<Schema>,
  events: readonly QueuedEvent[],
): Promise<void> {
  for (const some of inChunks(events)) await trx.insertInto('webhook_event').values(some).execute()
}

/** See Inventory.queuedEvents. */
export async function queuedEvents(
  db: Kysely<Schema>,
  webhook: string,
  limit: number,
): Promise<QueuedEvent[]> {
  return db
    .selectFrom('webhook_event')
    .selectAll()
    .where('webhook', '=', webhook)
    .orderBy('position')
    .limit(limit)
    .execute()
}

/** See Inventory.dropEvents. */
export async function dropEvents(
  db: Kysely<Schema>,
  webhook: string,
  throughPosition: number,
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('webhook_event')
    .where('webhook', '=', webhook)
    .where('position', '<=', throughPosition)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** See Inventory.eventQueues. */
export async function eventQueues(db: Kysely<Schema>): Promise<EventQueueState[]> {
  return db
    .selectFrom('webhook_event')
    .select((eb) => [
      'webhook',
      eb.fn.countAll<number>().as('count'),
      eb.fn.max('position').as('lastPosition'),
    ])
    .groupBy('webhook')
    .orderBy('webhook')
    .execute()
}
