import { z } from 'zod'
import { imageName, platform, positiveDuration } from './fields.ts'

export interface WarmConfig {
  images: string[]
  /** All of each image where there are none. */
  platforms: string[]
  everyMs: number
}

/** What is pulled ahead, by schedule. */
export const warmField = z
  .array(
    z.codec(
      z.strictObject({
        images: z
          .array(
            imageName.describe(
              'Images to pull ahead of the clients; without a registry, from the default upstream.',
            ),
          )
          .min(1, { error: 'expected at least one image' }),
        platforms: z
          .array(
            platform.describe(
              'Of an image for several platforms, only what is for these; all of it if left out.',
            ),
          )
          .default([]),
        every: positiveDuration.prefault('24h').describe('How often to look for something new.'),
      }),
      z.custom<WarmConfig>(),
      {
        decode: ({ every, ...rest }) => ({ everyMs: every, ...rest }),
        encode: ({ everyMs, ...rest }) => ({ ...rest, every: everyMs }),
      },
    ),
  )
  .default([])

/** Upstreams as far as the names of images go. */
type Upstreams = Readonly<Record<string, { prefix: string }>>

/** The registry that an image's name begins with, where none of the upstreams is it. */
export function unknownRegistry(image: string, upstreams: Upstreams): string | undefined {
  const [first = '', ...rest] = image.split('/')
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  if (!isRegistry || Object.hasOwn(upstreams, first)) return undefined
  const prefixes = Object.values(upstreams).map(({ prefix }) => `${prefix}/`)
  return prefixes.some((start) => image.startsWith(start)) ? undefined : first
}
