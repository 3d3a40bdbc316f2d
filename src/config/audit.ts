import { z } from 'zod'
import { path } from './fields.ts'

export interface AuditConfig {
  path: string
  withPulledBlobs: boolean
}

/** The audit log; `undefined` where none is kept. */
export const auditField = z
  .codec(
    z.strictObject({
      file: path.describe(
        'File that records who has pushed, pulled and deleted what, a line of JSON each. ' +
          'SIGHUP opens it again. Without `audit` there is no such log.',
      ),
      pulledBlobs: z
        .boolean()
        .default(false)
        .describe('Whether each pulled blob has a line too, not only the manifest.'),
    }),
    z.custom<AuditConfig>(),
    {
      decode: ({ file, pulledBlobs }) => ({ path: file, withPulledBlobs: pulledBlobs }),
      encode: ({ path: file, withPulledBlobs }) => ({ file, pulledBlobs: withPulledBlobs }),
    },
  )
  .optional()
