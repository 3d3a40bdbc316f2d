import { z } from 'zod'
import { positiveByteSize, registryPattern, registryUrl, secretField } from './fields.ts'
import { certificateFile } from './pem-file.ts'
import type { SecretReader } from './secret.ts'

const BUCKET_ERROR = 'expected the name of a bucket: 3 to 63 of a-z, 0-9, dots and hyphens'
const PREFIX_ERROR = 'expected letters, digits and ._-, in parts with a / between them'

const readCache = z.codec(
  z.strictObject({
    maxSize: positiveByteSize
      .prefault('10GiB')
      .describe(
        'How much space copies of what was read last may take in `data`. Without `cache` ' +
          'there are none; `cache: {}` stands for the default.',
      ),
  }),
  z.custom<{ maxBytes: number }>(),
  {
    decode: ({ maxSize }) => ({ maxBytes: maxSize }),
    encode: ({ maxBytes }) => ({ maxSize: maxBytes }),
  },
)

const redirectExcept = z.strictObject({
  repositories: z
    .array(
      registryPattern.describe(
        'Repositories that are not redirected, with their registry, `*` and `**` as in pins.',
      ),
    )
    .default([]),
  clients: z
    .array(
      z
        .string({ error: 'expected a pattern' })
        .min(1)
        .max(512, { error: 'is too long' })
        .describe('Clients that are not redirected, by their `User-Agent`.'),
    )
    .default([]),
})

/** Where bytes are kept. */
export function storeField(read: SecretReader) {
  return z
    .strictObject({
      type: z
        .enum(['file', 's3'])
        .default('file')
        .describe('Where bytes are kept: in files in `data`, or as objects in an S3 bucket.'),
      bucket: z
        .string({ error: BUCKET_ERROR })
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: BUCKET_ERROR })
        .optional()
        .describe('Name of the bucket. This key and all that follow are for `s3` alone.'),
      prefix: z
        .string({ error: PREFIX_ERROR })
        .regex(/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/, { error: PREFIX_ERROR })
        .optional()
        .describe('What the keys of all objects begin with, without the `/` that follows.'),
      region: z
        .string()
        .min(1)
        .optional()
        .describe('Region of the bucket; `us-east-1` if left out.'),
      endpoint: registryUrl
        .optional()
        .describe('URL of the S3 server, for example `http://minio:9000`; AWS if left out.'),
      forcePathStyle: z
        .boolean()
        .optional()
        .describe(
          'Whether the bucket is named in the path and not in the host name, as MinIO needs it.',
        ),
      accessKeyId: secretField(read)
        .optional()
        .describe(
          'Access key for S3. If left out, the AWS SDK looks in the environment, profiles, a ' +
            'web identity and the instance.',
        ),
      secretAccessKey: secretField(read).optional().describe('Secret of `accessKeyId`.'),
      cache: readCache.optional(),
      redirect: z
        .boolean()
        .optional()
        .describe(
          'Whether clients are redirected to the bucket for blobs; they have to reach it at ' +
            '`endpoint`. Blobs in the read cache, and parts of blobs, are still served by the ' +
            'mirror.',
        ),
      redirectExcept: redirectExcept.optional(),
      ca: certificateFile
        .optional()
        .describe('PEM file of certificates to trust besides those of the system.'),
    })
    .superRefine(({ type, ...s3 }, context) => {
      const fault = (at: string, message: string) =>
        context.addIssue({ code: 'custom', path: [at], message })
      if (type === 's3' && s3.bucket === undefined) fault('bucket', 'an s3 store needs a bucket')
      if (type === 'file') {
        for (const key of Object.keys(s3)) fault(key, 'is for a store of the type s3')
      }
      if (s3.accessKeyId && !s3.secretAccessKey) fault('accessKeyId', 'needs secretAccessKey')
      if (s3.secretAccessKey && !s3.accessKeyId) fault('secretAccessKey', 'needs accessKeyId')
    })
    .prefault({})
}
