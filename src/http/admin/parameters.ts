import { z } from 'zod'
import type { Context } from '../exchange.ts'
import { ApiError } from './api-error.ts'

const MAX_IMAGES = 1000
const DEFAULT_IMAGES = 100
const MAX_TOP = 100
const DEFAULT_TOP = 10

const name = z.string().min(1).max(1024)
const image = name.describe('`REPOSITORY[:TAG]`, for example `node:22`.')
const pattern = name.describe('For example `docker.io/library/node:22*`.')
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const dryRun = z.boolean().default(false).describe('Whether it is only told what would be done.')

export const imagesQuery = z.strictObject({
  repository: name.optional().describe('All where left out.'),
  search: z.string().max(1024).optional().describe('A part of `repository:tag`.'),
  after: z.string().max(1024).optional().describe('`next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_IMAGES).default(DEFAULT_IMAGES),
})
export const platformsQuery = z.strictObject({
  digest: name.describe('Of the manifest of an image that is held.'),
})
export const repositoriesQuery = imagesQuery.omit({ repository: true }).extend({
  search: z.string().max(1024).optional().describe('A part of `repository`.'),
})
export const topQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_TOP).default(DEFAULT_TOP),
})
export const statsHistoryQuery = z.strictObject({
  resolution: z
    .enum(['minute', 'hour'])
    .default('minute')
    .describe('There are minutes for a day, and hours for a quarter.'),
  from: time.optional(),
  to: time.optional(),
})
export const pinParameters = z.strictObject({ pattern })
export const evictBody = z
  .strictObject({
    dryRun,
    toBytes: z.int().min(0).optional().describe('What is to be left.'),
    limit: z.int().min(1).optional().describe('How many images a dry run tells at most.'),
  })
  .refine(({ dryRun, limit }) => dryRun || limit === undefined, {
    path: ['limit'],
    message: 'is for dry runs',
  })
export const purgeBody = z.strictObject({
  reference: image.describe('An image, or a repository, all of which goes.'),
})
export const tagParameters = z.strictObject({ reference: image })
export const freezeBody = z.strictObject({
  reference: image,
  at: name.optional().describe('A digest or a time; what it is served as where left out.'),
})
export const rollbackBody = z.strictObject({
  reference: image,
  to: name.optional().describe('A digest or a time; what it stood for before where left out.'),
})
export const upstreamTestBody = z.strictObject({ name })
export const scrubBody = z.strictObject({})
export const gcBody = z.strictObject({ dryRun })
export const sweepBody = z.strictObject({ dryRun })
export const warmBody = z.strictObject({
  images: z.array(image).min(1),
  platforms: z
    .array(z.string())
    .default([])
    .describe('For example `linux/arm64/v8`; all where there are none.'),
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
