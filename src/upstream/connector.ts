import type { LookupFunction } from 'node:net'
import { createSecureContext, getCACertificates } from 'node:tls'
import { buildConnector } from 'undici'
import { bareHost } from './bare-host.ts'
import { recycledReads } from './recycled-reads.ts'

/** What TLS with an upstream takes; all of it in PEM. */
export interface TlsOptions {
  /** Certificates that are believed besides those of the system. */
  ca?: string | undefined
  /** Our certificate and its key; no other host than the upstream's own is shown it. */
  client?: { cert: string; key: string } | undefined
  /** `skip` takes any certificate, of the upstream's own host alone. */
  verification: 'full' | 'skip'
}

export interface ConnectorOptions {
  /** Whose host is the upstream's own. */
  url: URL
  tls: TlsOptions
  lookup: LookupFunction
  timeoutMs: number
}

/** Makes connections to one upstream and to where it leads. */
export function upstreamConnector(options: ConnectorOptions): buildConnector.connector {
  const { url, tls, lookup, timeoutMs } = options
  const { ca, client, verification } = tls
  const authorities = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
  const common = { timeout: timeoutMs, lookup, allowH2: false, ...recycledReads() }
  // One context for all connections: to read the certificates of the system takes milliseconds.
  const elsewhere = buildConnector({ ...common, secureContext: createSecureContext(authorities) })
  const toUpstream = buildConnector({
    ...common,
    secureContext: createSecureContext({ ...authorities, ...client }),
    rejectUnauthorized: verification === 'full',
  })
  const ownHost = bareHost(url)
  return (target, callback) => {
    const connect = target.hostname === ownHost ? toUpstream : elsewhere
    connect(target, callback)
  }
}
