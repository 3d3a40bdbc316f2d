import { z } from 'zod'
import { duration, repositoryPattern } from './fields.ts'

/** What the tags of an upstream stand for, and for how long. */
export interface TagsConfig {
  freshForMs: number
  staleForMs: number
  absentForMs: number
  onAbsent: 'serve' | 'drop'
  refreshAhead: boolean
  holdMs: number
  holdExcept: string[]
}

export const tagsField = z
  .codec(
    z.strictObject({
      freshFor: duration
        .prefault('5m')
        .describe('How long a tag is served without asking the upstream whether it has moved.'),
      staleFor: duration
        .prefault('30d')
        .describe('How much longer a tag is served while the upstream cannot answer.'),
      absentFor: duration
        .prefault('1m')
        .describe('How long the upstream is believed that there is no such tag.'),
      onAbsent: z
        .enum(['serve', 'drop'])
        .default('drop')
        .describe(
          'What happens to a known tag that the upstream no longer has: `drop` forgets it once ' +
            '`staleFor` is over, `serve` keeps it.',
        ),
      refreshAhead: z
        .boolean()
        .default(true)
        .describe(
          'Whether a tag that was pulled again since it was last checked is checked before ' +
            '`freshFor` is over, so that no client waits for it.',
        ),
      hold: duration
        .prefault('0s')
        .describe(
          'How long a digest to which a known tag has moved must have been known before it is ' +
            'served; until then the tag stays what it was.',
        ),
      holdExcept: z
        .array(repositoryPattern.describe('Tags that are not held, in the patterns of `allow`.'))
        .default([]),
    }),
    z.custom<TagsConfig>(),
    {
      decode: ({ freshFor, staleFor, absentFor, hold, ...rest }) => ({
        ...rest,
        freshForMs: freshFor,
        staleForMs: staleFor,
        absentForMs: absentFor,
        holdMs: hold,
      }),
      encode: ({ freshForMs, staleForMs, absentForMs, holdMs, ...rest }) => ({
        ...rest,
        freshFor: freshForMs,
        staleFor: staleForMs,
        absentFor: absentForMs,
        hold: holdMs,
      }),
    },
  )
  .prefault({})
