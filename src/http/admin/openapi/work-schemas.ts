import { z } from 'zod'
import type { ApiFault, EventLine, JobList, WorkLine, WorkName } from '../../../admin-api.ts'
import type { ContentEvent } from '../../../telemetry/content-event.ts'
import { bytes, count, digest, ms, repository, text, time } from './fields.ts'

const fault = z.strictObject({ code: text, message: text }) satisfies z.ZodType<ApiFault>

/** The body of every answer that is not 2xx. */
export const refusal = z.strictObject({ error: fault })

const progress = z.strictObject({
  done: count,
  total: count.nullable().describe('`null` while it is not known.'),
  unit: z.enum(['bytes', 'images', 'contents']),
  parts: z
    .array(z.strictObject({ digest, done: bytes, total: bytes }))
    .exactOptional()
    .describe('What is under way at the moment.'),
})

export const jobList = z.strictObject({
  jobs: z.array(
    z.strictObject({
      name: text,
      everyMs: ms,
      isRunning: z.boolean(),
      progress: progress.nullable(),
      lastRun: z
        .strictObject({
          startedAt: time,
          endedAt: time,
          result: z.record(z.string(), z.number()).nullable(),
          error: text.nullable(),
        })
        .nullable(),
      nextRunAt: time.nullable().describe('`null` while it runs.'),
    }),
  ),
}) satisfies z.ZodType<JobList>

const removal = z.strictObject({ images: count, contents: count, bytes })

const unlinked = count.describe(
  'Contents that the repository does not have any more, and others need.',
)

const removable = z.strictObject({
  digest,
  names: z.array(z.strictObject({ repository, tags: z.array(text) })),
  bytes: bytes.describe('Of all that would go with it: what others need is not counted.'),
  usedAt: time,
})

const sweepAction = z.enum(['adopt', 'quarantine', 'forget', 'remove'])

const warmed = z.strictObject({
  image: text,
  digest: digest.nullable(),
  contents: count,
  bytes,
  fetchedBytes: bytes.describe('The part of `bytes` that was not held before.'),
  missingBytes: bytes.describe('The part of `bytes` that is not held.'),
  error: z
    .strictObject({
      reason: z.enum(['denied', 'absent', 'limited', 'upstream', 'not-kept']),
      message: text,
    })
    .nullable(),
})

/** The lines of each kind of long work. */
export const workLines = {
  evict: lineOf(removable, removal),
  purge: lineOf(z.never(), removal.extend({ tags: count, unlinked })),
  scrub: lineOf(z.never(), z.strictObject({ contents: count, bytes, quarantined: count })),
  sweep: lineOf(
    z.strictObject({ action: sweepAction, name: text, bytes, reason: text }),
    z.record(sweepAction, count),
  ),
  gc: lineOf(
    z.strictObject({
      kind: z.enum(['tag', 'manifest', 'blob']),
      repository,
      tag: text.nullable().describe('`null` but of a tag.'),
      digest,
      bytes,
      reason: text,
    }),
    z.strictObject({
      tags: count,
      manifests: count,
      blobs: count,
      freedContents: count,
      freedBytes: bytes,
    }),
  ),
  warm: lineOf(
    z.strictObject({
      image: text,
      digest,
      kind: z.enum(['manifest', 'blob']),
      bytes,
      outcome: text,
    }),
    z.strictObject({ images: z.array(warmed) }),
  ),
} satisfies { [Name in WorkName]: z.ZodType<WorkLine<Name>> }

function lineOf<Item extends z.ZodType, Result extends z.ZodType>(item: Item, result: Result) {
  return z.union([
    z.strictObject({ progress }),
    z.strictObject({ item }),
    z.strictObject({ result }),
    refusal,
  ])
}

const contentEvent = z
  .strictObject({
    id: text,
    timestamp: time,
    action: z.enum(['push', 'mount', 'pull', 'delete', 'mirror', 'evict']),
    target: z.strictObject({
      mediaType: text.optional(),
      size: bytes.optional(),
      digest: digest.optional(),
      length: bytes.optional(),
      repository,
      fromRepository: text.optional(),
      url: text.optional(),
      tag: text.optional(),
    }),
    request: z.strictObject({
      id: text,
      addr: text.optional(),
      host: text.optional(),
      method: text,
      useragent: text,
    }),
    actor: z.strictObject({ name: text.optional() }),
    source: z.strictObject({ addr: text, instanceID: text }),
  })
  .describe('As the notifications of `distribution` have it.')

export const eventLine = z.union([
  z.strictObject({ event: contentEvent }),
  z.strictObject({ missed: count }),
]) satisfies z.ZodType<EventLine<ContentEvent>>
