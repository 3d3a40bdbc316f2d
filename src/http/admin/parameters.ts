import { z } from 'zod'
import type { Context } from '../exchange.ts'
import { ApiError } from './api-error.ts'

const MAX_IMAGES = 1000
const DEFAULT_IMAGES = 100
const MAX_TOP = 100
const DEFAULT_TOP = 10

const name = z.string().min(1).max(1024)
const pattern = z.string().min(1).max(1024)
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const dryRun = z.boolean().default(false)

export const imagesQuery = z.strictObject({
  repository: name.optional(),
  search: z.string().max(1024).optional(),
  after: z.string().max(1024).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_IMAGES).default(DEFAULT_IMAGES),
})
export const topQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_TOP).default(DEFAULT_TOP),
})
export const statsHistoryQuery = z.strictObject({
  resolution: z.enum(['minute', 'hour']).default('minute'),
  from: time.optional(),
  to: time.optional(),
})
export const pinParameters = z.strictObject({ pattern })
export const evictBody = z.strictObject({
  dryRun,
  /** What is to be left. */
  toBytes: z.int().min(0).optional(),
})
export const purgeBody = z.strictObject({ reference: name })
export const tagParameters = z.strictObject({ reference: name })
export const freezeBody = z.strictObject({
  reference: name,
  at: z.string().min(1).max(1024).optional(),
})
export const rollbackBody = z.strictObject({
  reference: name,
  to: z.string().min(1).max(1024).optional(),
})
export const upstreamTestBody = z.strictObject({ name })
export const scrubBody = z.strictObject({})
export const gcBody = z.strictObject({ dryRun })
export const sweepBody = z.strictObject({ dryRun })
export const warmBody = z.strictObject({
  images: z.array(name).min(1),
  platforms: z.array(z.string()).default([]),
})

/** The parameters behind the question mark, each given once at most. */
export function readQuery<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): z.output<Schema> {
  return parsed(schema, { ...context.query })
}

/** Throws ApiError with all that is wrong. */
export function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  )
  throw new ApiError('INVALID', issues.join('; '))
}
