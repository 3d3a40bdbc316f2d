import { z } from 'zod'
import { byteSize, positiveByteSize, positiveDuration, referencePattern, share } from './fields.ts'

export interface EvictionConfig {
  maxBytes: number
  /** Shares of `maxBytes`. */
  highWatermark: number
  lowWatermark: number
  minFreeBytes: number
  ttlMs: number
  everyMs: number
  pins: string[]
}

/** What is kept, and for how long. */
export const evictionField = z
  .codec(
    z.strictObject({
      maxSize: positiveByteSize.prefault('50GiB').describe('How much content is kept at most.'),
      highWatermark: share
        .default(0.95)
        .describe('Share of `maxSize` above which content is evicted.'),
      lowWatermark: share
        .default(0.85)
        .describe('Share of `maxSize` down to which it is then evicted.'),
      minFree: byteSize
        .prefault('5GiB')
        .describe(
          'How much of the file system of `data` stays free, at most half of it. With less than ' +
            'half of this free, nothing new is kept. With content in S3 this is for the read cache alone.',
        ),
      ttl: positiveDuration
        .prefault('30d')
        .describe('How long an image is kept after its last use.'),
      every: positiveDuration
        .prefault('1m')
        .describe('How often these limits are checked; when space runs out, that is done at once.'),
      pins: z
        .array(
          referencePattern.describe(
            'What is never evicted: `*` stands for anything up to a `/`, `**` for anything; ' +
              'without a tag or digest, all of the repository.',
          ),
        )
        .default([]),
    }),
    z.custom<EvictionConfig>(),
    {
      decode({ maxSize, minFree, ttl, every, ...rest }, context) {
        if (rest.lowWatermark >= rest.highWatermark) {
          const message = 'expected less than highWatermark'
          context.issues.push({ code: 'custom', path: ['lowWatermark'], message, input: rest })
        }
        return { maxBytes: maxSize, minFreeBytes: minFree, ttlMs: ttl, everyMs: every, ...rest }
      },
      encode: ({ maxBytes, minFreeBytes, ttlMs, everyMs, ...rest }) => ({
        maxSize: maxBytes,
        minFree: minFreeBytes,
        ttl: ttlMs,
        every: everyMs,
        ...rest,
      }),
    },
  )
  .prefault({})
