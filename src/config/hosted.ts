import { z } from 'zod'
import { positiveByteSize, positiveDuration, repositoryPrefix, tagPattern } from './fields.ts'
import { retentionField, type RetentionConfig } from './retention.ts'

export interface HostedConfig {
  enabled: boolean
  prefix: string
  maxBlobBytes: number
  /** `undefined` where there is no limit. */
  quotaBytes: number | undefined
  allowSparse: boolean
  immutable: string[]
  gracePeriodMs: number
  untagged: 'keep' | 'delete'
  retention: RetentionConfig[]
}

/** The writable namespace. */
export const hostedField = z
  .codec(
    z.strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Whether images can be pushed to repositories under `prefix`.'),
      prefix: repositoryPrefix
        .default('private')
        .describe(
          'What the names of hosted repositories begin with. They are never looked up upstream, ' +
            'and never evicted.',
        ),
      maxBlobSize: positiveByteSize
        .prefault('20GiB')
        .describe('Size above which a layer is refused.'),
      quota: positiveByteSize
        .optional()
        .describe(
          'How large a repository may be: all of its layers and manifests, each counted once. ' +
            'What would exceed it is refused. No limit if left out.',
        ),
      sparseIndexes: z
        .boolean()
        .default(false)
        .describe('Whether an index may be pushed before all the manifests that it names.'),
      immutable: z
        .array(
          tagPattern.describe(
            'Tags that stand for one digest for ever: they can be neither moved nor deleted.',
          ),
        )
        .default([]),
      gracePeriod: positiveDuration
        .prefault('1h')
        .describe(
          'How long a layer that no manifest names stays after it was pushed, mounted or asked ' +
            'for with HEAD. It has to be longer than a push takes from its first layer to its ' +
            'manifest.',
        ),
      untagged: z
        .enum(['keep', 'delete'])
        .default('keep')
        .describe(
          'What happens to manifests that have no tag, that no index names, and that refer to ' +
            'nothing that is there. Whoever pulls by digest, as Kubernetes may, still needs them.',
        ),
      retention: retentionField,
    }),
    z.custom<HostedConfig>(),
    {
      decode: ({ maxBlobSize, quota, sparseIndexes, gracePeriod, ...rest }) => ({
        ...rest,
        maxBlobBytes: maxBlobSize,
        quotaBytes: quota,
        allowSparse: sparseIndexes,
        gracePeriodMs: gracePeriod,
      }),
      encode: ({ maxBlobBytes, quotaBytes, allowSparse, gracePeriodMs, ...rest }) => ({
        ...rest,
        maxBlobSize: maxBlobBytes,
        quota: quotaBytes,
        sparseIndexes: allowSparse,
        gracePeriod: gracePeriodMs,
      }),
    },
  )
  .prefault({})

/** Whether names under one prefix could be meant for the other. */
export function overlaps(prefix: string, other: string): boolean {
  return `${prefix}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${prefix}/`)
}
