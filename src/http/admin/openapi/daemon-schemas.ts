import { z } from 'zod'
import type { ConfigReport, ErrorList, LiveStatus } from '../../../admin-daemon.ts'
import { count, text, time } from './fields.ts'
import { stats } from './stats-schemas.ts'
import { upstreamList } from './upstream-schemas.ts'
import { jobList } from './work-schemas.ts'

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])

const origin = z.union([
  z.strictObject({ source: z.literal('default') }),
  z.strictObject({ source: z.literal('file'), file: text, line: count, column: count }),
  z.strictObject({ source: z.literal('env'), variable: text }),
  z.strictObject({ source: z.literal('flag'), flag: text }),
])

export const configReport = z.strictObject({
  file: text.nullable().describe('As it was named; `null` where there was none.'),
  keys: z.array(
    z.strictObject({
      key: text,
      meaning: text,
      type: text,
      default: scalar,
      variable: text.describe('The environment variable that sets it.'),
      value: scalar.describe('What is in force; secrets are hidden.'),
      origin: origin.describe('Who has set it.'),
    }),
  ),
}) satisfies z.ZodType<ConfigReport>

export const errorList = z.strictObject({
  errors: z
    .array(
      z.strictObject({
        level: z.enum(['warn', 'error', 'fatal']),
        message: text,
        count: count.describe('How often it came since the start.'),
        firstAt: time,
        lastAt: time,
        details: z
          .record(z.string(), z.unknown())
          .describe('Of the last one, as the log has them.'),
      }),
    )
    .describe('What came last comes first.'),
}) satisfies z.ZodType<ErrorList>

export const liveStatus = z.strictObject({
  stats,
  jobs: jobList.shape.jobs,
  upstreams: upstreamList.shape.upstreams,
}) satisfies z.ZodType<LiveStatus>
