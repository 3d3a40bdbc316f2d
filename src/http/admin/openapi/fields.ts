import { z } from 'zod'

/** What answers are made of. */
export const text = z.string()
export const digest = z.string().describe('For example `sha256:0c1f…`.')
export const repository = z
  .string()
  .describe('With its registry in front: `docker.io/library/alpine`.')
export const time = z.iso.datetime().describe('In UTC.')
export const count = z.int().min(0)
export const bytes = z.int().min(0).describe('In bytes.')
export const ms = z.number().min(0).describe('In milliseconds.')
export const breakerState = z
  .enum(['closed', 'open', 'half-open'])
  .describe('While it is `open`, nobody is asked there, since it has failed.')
export const pulls = z
  .strictObject({ hit: count, miss: count, join: count, stale: count, bypass: count })
  .describe('How many pulls had which outcome.')
