import { z } from 'zod'
import { duration, repositoryPattern, tagPattern } from './fields.ts'

export interface RetentionConfig {
  repositories: string[]
  keepNewest: number | undefined
  keepTags: string[]
  unusedAfterMs: number | undefined
}

const NOT_A_TAG = 'expected a pattern without a tag, such as team/**'
const NOT_ONLY_A_TAG = 'expected a pattern of tags alone, such as v*'

/** Which tags of what is hosted stay. */
export const retentionField = z
  .array(
    z.codec(
      z
        .strictObject({
          repositories: z
            .array(
              repositoryPattern
                .refine((text) => !text.includes(':'), { error: NOT_A_TAG })
                .describe(
                  'Hosted repositories, below `prefix`, whose tags are deleted unless a rule keeps ' +
                    'them.',
                ),
            )
            .min(1, { error: 'expected at least one pattern' }),
          keepNewest: z
            .int({ error: 'expected a number of tags' })
            .min(0, { error: 'expected a number of tags' })
            .optional()
            .describe('How many of the tags pushed last stay, besides those in `keepTags`.'),
          keepTags: z
            .array(
              tagPattern
                .refine((text) => !text.includes(':'), { error: NOT_ONLY_A_TAG })
                .describe('Tags that always stay.'),
            )
            .default([]),
          deleteUnusedAfter: duration
            .optional()
            .describe('Tags that were pushed or pulled within this time stay.'),
        })
        .refine((rule) => rule.keepNewest !== undefined || rule.deleteUnusedAfter !== undefined, {
          error: 'expected keepNewest, deleteUnusedAfter or both',
        }),
      z.custom<RetentionConfig>(),
      {
        decode: ({ repositories, keepNewest, keepTags, deleteUnusedAfter }) => ({
          repositories,
          keepNewest,
          keepTags,
          unusedAfterMs: deleteUnusedAfter,
        }),
        encode: ({ unusedAfterMs, keepNewest, ...rest }) => ({
          ...rest,
          ...(keepNewest !== undefined && { keepNewest }),
          ...(unusedAfterMs !== undefined && { deleteUnusedAfter: unusedAfterMs }),
        }),
      },
    ),
  )
  .default([])
