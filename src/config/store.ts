import { z } from 'zod'
import { byteSize, registryUrl, secretField } from './fields.ts'
import { certificateFile } from './pem-file.ts'
import type { SecretReader } from './secret.ts'

const BUCKET_ERROR = 'expected the name of a bucket: 3 to 63 of a-z, 0-9, dots and hyphens'
const REPOSITORY_ERROR = 'expected a pattern such as docker.io/library/*, ghcr.io/** or **'
const PREFIX_ERROR = 'expected letters, digits and ._-, in parts with a / between them'

const readCache = z.codec(
  z.strictObject({
    maxSize: byteSize
      .refine((bytes) => bytes > 0, { error: 'expected more than 0' })
      .prefault('10GiB')
      .describe(
        'How much copies of what was read last may take in `data`. None are kept where `cache` ' +
          'is left out; `cache: {}` stands for the default.',
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
      z
        .string({ error: REPOSITORY_ERROR })
        .max(512, { error: 'is too long' })
        .regex(/^(?:\*\*|[a-z0-9._*-]+(?::\d+)?(?:\/[a-z0-9._*-]+)+)$/, { error: REPOSITORY_ERROR })
        .describe(
          'What is not redirected: repositories with their registry, `*` and `**` as in pins.',
        ),
    )
    .default([]),
  clients: z
    .array(
      z
        .string({ error: 'expected a pattern' })
        .min(1)
        .max(512, { error: 'is too long' })
        .describe('Who is not redirected, by the `User-Agent` that clients send.'),
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
        .describe('The bucket. This and all that follows is for `s3` alone.'),
      prefix: z
        .string({ error: PREFIX_ERROR })
        .regex(/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/, { error: PREFIX_ERROR })
        .optional()
        .describe('What all keys begin with, without the `/` that follows it.'),
      region: z
        .string()
        .min(1)
        .optional()
        .describe('Region of the bucket; `us-east-1` where left out.'),
      endpoint: registryUrl
        .optional()
        .describe('What speaks S3, for example `http://minio:9000`; AWS where left out.'),
      forcePathStyle: z
        .boolean()
        .optional()
        .describe('The bucket is named in the path and not in the host name, as MinIO wants it.'),
      accessKeyId: secretField(read)
        .optional()
        .describe(
          'Whom we are for S3. Where left out the AWS SDK looks in the environment, profiles, a web identity and the instance.',
        ),
      secretAccessKey: secretField(read).optional().describe('The secret of `accessKeyId`.'),
      cache: readCache.optional(),
      redirect: z
        .boolean()
        .optional()
        .describe(
          'Blobs that are kept are fetched by clients from the bucket itself, which they have to ' +
            'reach at `endpoint`; not those in the read cache, and no parts of blobs.',
        ),
      redirectExcept: redirectExcept.optional(),
      ca: certificateFile
        .optional()
        .describe('PEM file of certificates that are believed besides those of the system.'),
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
