import { z } from 'zod'
import { isLoopback } from '../util/loopback.ts'
import { host, path, port, secretField } from './fields.ts'
import { listenTls } from './listen.ts'
import { certificateFile } from './pem-file.ts'
import type { SecretReader } from './secret.ts'
import { upstreamTls } from './upstream-tls.ts'

/** What gets through a header as it is. */
const BEARER_TOKEN = /^[!-~]+$/

const tls = listenTls.safeExtend({
  clientCa: certificateFile
    .optional()
    .describe(
      'PEM file of an authority: every connection to the admin listener has to show a ' +
        'certificate of it. Read at the start.',
    ),
})

/** Commands alone read the files. */
const client = z.strictObject({
  ca: path
    .optional()
    .describe(
      'PEM file of the authorities that commands believe instead of those of the system, where ' +
        'the admin listener has `tls`. Also `--admin-ca`.',
    ),
  cert: path
    .optional()
    .describe('PEM file of the certificate that commands show; needs `key`. Also `--admin-cert`.'),
  key: path.optional().describe('PEM file of the key of `cert`. Also `--admin-key`.'),
})

/** Where operators reach the mirror. */
export function adminField(read: SecretReader) {
  return z
    .strictObject({ ...addressFields(read), tls: tls.optional(), client: client.optional() })
    .refine(
      (value) => isLoopback(value.host) || (value.token ?? value.tls?.clientCa) !== undefined,
      {
        path: ['host'],
        error: 'an admin listener that others can reach needs admin.token or admin.tls.clientCa',
      },
    )
    .prefault({})
}

/** The same for commands, which may not be allowed to read the key of the listener. */
export function adminAccessField(read: SecretReader) {
  return z
    .strictObject({
      ...addressFields(read),
      tls: z
        .unknown()
        .optional()
        .transform((value) => value !== undefined),
      client: upstreamTls.prefault({}),
    })
    .prefault({})
}

export type AdminAccess = z.output<ReturnType<typeof adminAccessField>>

function addressFields(read: SecretReader) {
  return {
    host: host
      .default('127.0.0.1')
      .describe('Address of the admin listener: the page, the API that commands use, and metrics.'),
    port: port.default(5001).describe('Port of the admin listener; 0 takes any free one.'),
    token: secretField(read)
      .refine((token) => BEARER_TOKEN.test(token.reveal()), {
        error: 'expected ASCII characters without spaces',
      })
      .optional()
      .describe(
        'Bearer token that the admin listener asks for; required unless its address is ' +
          'loopback or `tls.clientCa` is set.',
      ),
  }
}
