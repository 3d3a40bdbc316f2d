import { z } from 'zod'
import type { UpstreamList, UpstreamTestResult } from '../../../admin-upstreams.ts'
import { breakerState, count, ms, text, time } from './fields.ts'

const user = z.strictObject({
  credential: text.describe('The user name; `anonymous` without credentials.'),
  isAnswering: z.boolean().nullable().describe('When it was asked last.'),
  isRefused: z.boolean().describe('Whether its credentials were taken for wrong when shown last.'),
  authentication: z
    .strictObject({ kind: z.enum(['none', 'basic', 'bearer']), realm: text.nullable() })
    .nullable(),
  limit: count.nullable(),
  remaining: count.nullable(),
  resetAt: time.nullable(),
  limitedUntil: time.nullable(),
})

const endpoint = z.strictObject({
  url: text,
  proxy: text.nullable().describe('Without credentials; `null` where it is asked directly.'),
  state: breakerState,
  latency: z
    .strictObject({ medianMs: ms, p95Ms: ms, answers: count })
    .nullable()
    .describe('Until the headers of the last hundred answers; `null` before there was one.'),
  limitedUntil: time.nullable(),
  users: z.array(user).describe('In the order in which they are used.'),
})

export const upstreamList = z.strictObject({
  upstreams: z.array(z.strictObject({ name: text, endpoints: z.array(endpoint) })),
}) satisfies z.ZodType<UpstreamList>

const testedUser = user.extend({
  durationMs: ms,
  error: text.nullable().describe('`null` where it answers, and takes the credentials.'),
})

export const upstreamTestResult = z.strictObject({
  name: text,
  endpoints: z.array(endpoint.extend({ users: z.array(testedUser) })),
}) satisfies z.ZodType<UpstreamTestResult>
