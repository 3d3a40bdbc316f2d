import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { path, PATH_TITLE } from './fields.ts'
import { Secret } from './secret.ts'

/** A file of certificates or of a key, as it was when the configuration was loaded. */
interface PemFile {
  path: string
  pem: Secret
}

/** `cert` and `key` come together. */
export interface UpstreamTls {
  ca?: PemFile | undefined
  cert?: PemFile | undefined
  key?: PemFile | undefined
}

const certificate = pemFile('a certificate', (text) => new X509Certificate(text))
const privateKey = pemFile('a private key without a passphrase', createPrivateKey)

/** How TLS with an upstream differs from what is usual. */
export const upstreamTls = z
  .strictObject({
    ca: certificate
      .optional()
      .describe('PEM file of certificates that are believed besides those of the system.'),
    cert: certificate
      .optional()
      .describe('PEM file of our certificate, shown to the host in `url` alone; needs `key`.'),
    key: privateKey.optional().describe('PEM file of the key of `cert`.'),
  })
  .superRefine(({ cert, key }, context) => {
    const fault = (at: 'cert' | 'key', message: string) =>
      context.addIssue({ code: 'custom', path: [at], message })
    if (cert && !key) fault('cert', 'a certificate needs its key')
    if (key && !cert) fault('key', 'a key needs its certificate')
    if (cert && key && !isPair(cert, key)) fault('key', 'is not the key of cert')
  })

function pemFile(what: string, parse: (text: string) => unknown) {
  return z
    .codec(path, z.custom<PemFile>(), {
      async decode(file, context) {
        const refuse = (message: string) => {
          context.issues.push({ code: 'custom', message, input: file })
          return z.NEVER
        }
        let text: string
        try {
          text = await readFile(file, 'utf8')
        } catch (error) {
          return refuse(`cannot read ${file} (${(error as NodeJS.ErrnoException).code})`)
        }
        try {
          parse(text)
        } catch {
          // What the parser says is of no help, and might show what is in the file.
          return refuse(`expected ${what} in PEM in ${file}`)
        }
        return { path: file, pem: new Secret(text) }
      },
      encode: (file) => file.path,
    })
    .meta({ title: PATH_TITLE })
}

function isPair(cert: PemFile, key: PemFile): boolean {
  const certificateOf = new X509Certificate(cert.pem.reveal())
  return certificateOf.checkPrivateKey(createPrivateKey(key.pem.reveal()))
}
