import { z } from 'zod'
import { certificateFile, isPair, keyFile, type PemFile } from './pem-file.ts'

/** `cert` and `key` come together. */
export interface UpstreamTls {
  ca?: PemFile | undefined
  cert?: PemFile | undefined
  key?: PemFile | undefined
}

/** How TLS with an upstream differs from what is usual. */
export const upstreamTls = z
  .strictObject({
    ca: certificateFile
      .optional()
      .describe('PEM file of certificates to trust besides those of the system.'),
    cert: certificateFile
      .optional()
      .describe('PEM file of a client certificate, shown only to the host in `url`; needs `key`.'),
    key: keyFile.optional().describe('PEM file of the key of `cert`.'),
  })
  .superRefine(({ cert, key }, context) => {
    const fault = (at: 'cert' | 'key', message: string) =>
      context.addIssue({ code: 'custom', path: [at], message })
    if (cert && !key) fault('cert', 'a certificate needs its key')
    if (key && !cert) fault('key', 'a key needs its certificate')
    if (cert && key && !isPair(cert, key)) fault('key', 'is not the key of cert')
  })
