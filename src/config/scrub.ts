import { z } from 'zod'
import { positiveByteSize, positiveDuration } from './fields.ts'

export interface ScrubConfig {
  everyMs: number
  bytesPerSecond: number
}

/** How what is kept is hashed again. */
export const scrubField = z
  .codec(
    z.strictObject({
      every: positiveDuration
        .prefault('7d')
        .describe('How often all content is read and hashed again, to find what has rotted.'),
      rate: positiveByteSize.prefault('50MiB').describe('How much of it is read per second.'),
    }),
    z.custom<ScrubConfig>(),
    {
      decode: ({ every, rate }) => ({ everyMs: every, bytesPerSecond: rate }),
      encode: ({ everyMs, bytesPerSecond }) => ({ every: everyMs, rate: bytesPerSecond }),
    },
  )
  .prefault({})
