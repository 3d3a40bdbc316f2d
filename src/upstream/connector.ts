import type { LookupFunction } from 'node:net'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { buildConnector } from 'undici'
import { bareHost } from './bare-host.ts'
import type { Proxies } from './proxies.ts'
import type { ProxyConnections } from './proxy-connections.ts'
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

/** One context for all connections: to read the certificates of the system takes milliseconds. */
export interface SecureContexts {
  upstream: SecureContext
  elsewhere: SecureContext
}

export function secureContexts({ ca, client }: TlsOptions): SecureContexts {
  const authorities = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
  return {
    upstream: createSecureContext({ ...authorities, ...client }),
    elsewhere: createSecureContext(authorities),
  }
}

export interface ConnectorOptions {
  /** Whose host is the upstream's own. */
  url: URL
  contexts: SecureContexts
  verification: TlsOptions['verification']
  /** Not asked for what is behind a proxy. */
  lookup: LookupFunction
  timeoutMs: number
  proxies: Proxies
  proxyConnections: ProxyConnections
}

/** Makes connections to one upstream and to where it leads, through tunnels where there are proxies. */
export function upstreamConnector(options: ConnectorOptions): buildConnector.connector {
  const { url, contexts, verification, lookup, timeoutMs, proxies, proxyConnections } = options
  const common = { timeout: timeoutMs, lookup, allowH2: false, ...recycledReads() }
  const elsewhere = buildConnector({ ...common, secureContext: contexts.elsewhere })
  const toUpstream = buildConnector({
    ...common,
    secureContext: contexts.upstream,
    rejectUnauthorized: verification === 'full',
  })
  const ownHost = bareHost(url)
  return (target, callback) => {
    const connect = target.hostname === ownHost ? toUpstream : elsewhere
    const targetUrl = new URL(`${target.protocol}//${target.host}`)
    const proxy = proxies.for(targetUrl)
    if (!proxy) {
      connect(target, callback)
      return
    }
    const fail = (error: Error) => callback(error, null)
    proxyConnections
      .tunnel(proxy, targetUrl)
      .then((httpSocket) => connect({ ...target, httpSocket }, callback), fail)
  }
}
