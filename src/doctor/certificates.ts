import { X509Certificate } from 'node:crypto'
import type { PemFile } from '../config/pem-file.ts'
import type { Config } from '../config/schema.ts'
import { type Finding, fault, ok, warning } from './finding.ts'

const DAY_MS = 86_400_000
const SOON_MS = 30 * DAY_MS

const ONE = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g

/** How long each certificate is good that the configuration names. */
export function examineCertificates(config: Config, nowMs: number): Finding[] {
  return certificateFiles(config).flatMap(({ key, file }) => {
    const all = file.pem.reveal().match(ONE) ?? []
    return all.map((pem) => examine(key, file.path, new X509Certificate(pem), nowMs))
  })
}

/** Those that a mirror that runs reads again. */
const LISTENERS: readonly string[] = ['listen.tls.cert', 'admin.tls.cert']

interface NamedFile {
  key: string
  file: PemFile
}

function certificateFiles({ listen, admin, upstreams, store }: Config): NamedFile[] {
  const named: { key: string; file: PemFile | undefined }[] = [
    { key: 'listen.tls.cert', file: listen.tls?.cert },
    { key: 'admin.tls.cert', file: admin.tls?.cert },
    { key: 'admin.tls.clientCa', file: admin.tls?.clientCa },
    { key: 'store.ca', file: store.ca },
  ]
  for (const [name, upstream] of Object.entries(upstreams)) {
    const key = `upstreams.${name}`
    named.push({ key: `${key}.tls.ca`, file: upstream.tls.ca })
    named.push({ key: `${key}.tls.cert`, file: upstream.tls.cert })
    for (const [index, { tls }] of upstream.failover.entries()) {
      named.push({ key: `${key}.failover.${index}.tls.ca`, file: tls.ca })
      named.push({ key: `${key}.failover.${index}.tls.cert`, file: tls.cert })
    }
  }
  return named.flatMap(({ key, file }) => (file ? [{ key, file }] : []))
}

function examine(key: string, path: string, certificate: X509Certificate, nowMs: number): Finding {
  const { validFromDate, validToDate, subject } = certificate
  const who = subject.replaceAll('\n', ', ')
  const what = `${key}: ${who} in ${path}`
  const day = validToDate.toISOString().slice(0, 10)
  const renew = `put a new one into ${path}${LISTENERS.includes(key) ? '' : ', and restart the mirror'}`
  if (validToDate.getTime() < nowMs) return fault('certificates', `${what} ended on ${day}`, renew)
  if (validFromDate.getTime() > nowMs) {
    const from = validFromDate.toISOString()
    return fault('certificates', `${what} is not valid before ${from}`, 'look at the clock')
  }
  if (validToDate.getTime() - nowMs < SOON_MS) {
    return warning('certificates', `${what} ends on ${day}`, renew)
  }
  return ok('certificates', `${what} is valid until ${day}`)
}
