import { z } from 'zod'
import { host, port } from './fields.ts'
import { certificateFile, isPair, keyFile } from './pem-file.ts'

const tls = z
  .strictObject({
    cert: certificateFile.describe(
      'PEM file of the certificate that clients see, with those between it and its authority.',
    ),
    key: keyFile.describe('PEM file of its key. Both are read again when they change.'),
  })
  .refine(({ cert, key }) => isPair(cert, key), {
    path: ['key'],
    error: 'is not the key of cert',
    when: ({ issues }) => issues.length === 0,
  })

/** Where clients reach the mirror. */
export const listenField = z
  .strictObject({
    host: host.default('0.0.0.0').describe('Address to listen on for clients.'),
    port: port.default(5000).describe('Port to listen on for clients; 0 takes any free one.'),
    tls: tls.optional(),
  })
  .prefault({})
