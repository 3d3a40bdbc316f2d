import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether certificates can be made; where not says so, and in CI throws. */
export function haveOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch (cause) {
    const message = 'tests of certificates need: apt-get install openssl'
    if (process.env['CI'] === 'true') throw new Error(message, { cause })
    console.warn(`SKIPPED: ${message}`)
    return false
  }
}

export interface KeyPair {
  cert: string
  key: string
}

/** In PEM: an authority that nobody knows, and who it vouches for. */
export interface Certificates {
  ca: string
  /** Of `localhost`, `127.0.0.1`, and names ending in `.tls.test`. */
  server: KeyPair
  client: KeyPair
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Writes `ca.pem`, and `.pem` and `.key` of `server` and `client`, into a folder it makes. */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true })
  const make = (name: string, ...options: string[]) => {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`]
    const all = ['req', '-x509', ...NEW_KEY, ...files, '-days', '1', '-subj', `/CN=${name}`]
    execFileSync('openssl', [...all, ...options], { cwd: folder, stdio: 'pipe' })
  }
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key']
  const names = 'subjectAltName=DNS:localhost,DNS:*.tls.test,IP:127.0.0.1'
  make('ca')
  make('server', ...signed, '-addext', names, '-addext', 'basicConstraints=critical,CA:FALSE')
  make('client', ...signed, '-addext', 'basicConstraints=critical,CA:FALSE')
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  const pair = (name: string) => ({ cert: read(`${name}.pem`), key: read(`${name}.key`) })
  return { ca: read('ca.pem'), server: pair('server'), client: pair('client') }
}
