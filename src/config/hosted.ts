import { z } from 'zod'
import { byteSize, repositoryPrefix } from './fields.ts'

export interface HostedConfig {
  enabled: boolean
  prefix: string
  maxBlobBytes: number
  allowSparse: boolean
}

/** The writable namespace. */
export const hostedField = z
  .codec(
    z.strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Whether images can be pushed, to repositories under `prefix`.'),
      prefix: repositoryPrefix
        .default('private')
        .describe(
          'What the names of hosted repositories begin with. They are never looked up upstream, ' +
            'and never evicted.',
        ),
      maxBlobSize: byteSize
        .refine((bytes) => bytes > 0, { error: 'expected more than 0' })
        .prefault('20GiB')
        .describe('Larger layers are refused.'),
      sparseIndexes: z
        .boolean()
        .default(false)
        .describe('Whether an index may be pushed without all of the manifests that it names.'),
    }),
    z.custom<HostedConfig>(),
    {
      decode: ({ enabled, prefix, maxBlobSize, sparseIndexes }) => ({
        enabled,
        prefix,
        maxBlobBytes: maxBlobSize,
        allowSparse: sparseIndexes,
      }),
      encode: ({ enabled, prefix, maxBlobBytes, allowSparse }) => ({
        enabled,
        prefix,
        maxBlobSize: maxBlobBytes,
        sparseIndexes: allowSparse,
      }),
    },
  )
  .prefault({})

/** Whether names under one prefix could be meant for the other. */
export function overlaps(prefix: string, other: string): boolean {
  return `${prefix}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${prefix}/`)
}
