import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { path, PATH_TITLE } from './fields.ts'
import { Secret } from './secret.ts'

/** A file of certificates or of a key, as it was when the configuration was loaded. */
export interface PemFile {
  path: string
  pem: Secret
}

export const certificateFile = pemFile('a certificate', (text) => new X509Certificate(text))

export const keyFile = pemFile('a private key without a passphrase', createPrivateKey)

/** Whether the key is that of the certificate, the first in its file. */
export function isPair(cert: PemFile, key: PemFile): boolean {
  const certificate = new X509Certificate(cert.pem.reveal())
  return certificate.checkPrivateKey(createPrivateKey(key.pem.reveal()))
}

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
