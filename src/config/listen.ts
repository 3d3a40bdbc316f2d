import { isIP } from 'node:net'
import { z } from 'zod'
import { host, port } from './fields.ts'
import { certificateFile, isPair, keyFile } from './pem-file.ts'

/** The certificate of a listener. */
export const listenTls = z
  .strictObject({
    cert: certificateFile.describe(
      'PEM file of the certificate that clients see, with its intermediates.',
    ),
    key: keyFile.describe('PEM file of its key. Both files are read again when they change.'),
  })
  .refine(({ cert, key }) => isPair(cert, key), {
    path: ['key'],
    error: 'is not the key of cert',
    when: ({ issues }) => issues.length === 0,
  })

const network = z
  .string({ error: 'expected an address' })
  .refine(isNetwork, { error: 'expected an address, or a network such as 10.0.0.0/8' })
  .meta({ title: 'network' })

/** Where clients reach the mirror. */
export const listenField = z
  .strictObject({
    host: host.default('0.0.0.0').describe('Address on which clients reach the mirror.'),
    port: port
      .default(5000)
      .describe('Port on which clients reach the mirror; 0 takes any free one.'),
    tls: listenTls.optional(),
    trustedProxies: z
      .array(
        network.describe(
          'Addresses, or networks such as 10.0.0.0/8, of proxies in front whose ' +
            '`X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` are believed.',
        ),
      )
      .default([]),
  })
  .prefault({})

function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version > 0 && Number(bits ?? 0) <= (version === 4 ? 32 : 128)
}
