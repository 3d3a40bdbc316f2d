import type { EndpointConfig } from './config/endpoint.ts'
import type { ProxiesConfig, ProxyChoice } from './config/proxy.ts'
import type { Events } from './telemetry/events.ts'
import type { TlsOptions } from './upstream/connector.ts'
import type { Proxy, ProxyOptions } from './upstream/proxies.ts'
import { basicAuthorization } from './upstream/token-server.ts'
import { Transport } from './upstream/transport.ts'
import { VERSION } from './version.ts'

/** The way to an endpoint, of what the configuration says of it. */
export function openTransport(
  upstream: string,
  endpoint: EndpointConfig,
  proxies: ProxiesConfig,
  events: Events,
): Transport {
  const { url, insecure, privateHosts } = endpoint
  if (insecure || url.protocol === 'http:') events.upstreamInsecure({ upstream, url: url.href })
  return new Transport({
    upstream,
    url,
    userAgent: `entrepot/${VERSION}`,
    tls: tlsOptions(endpoint),
    privateHosts,
    proxies: proxyOptions(endpoint, proxies),
    events,
  })
}

function tlsOptions({ tls: { ca, cert, key }, insecure }: EndpointConfig): TlsOptions {
  return {
    ca: ca?.pem.reveal(),
    client: cert && key && { cert: cert.pem.reveal(), key: key.pem.reveal() },
    verification: insecure ? 'skip' : 'full',
  }
}

function proxyOptions({ proxy }: EndpointConfig, proxies: ProxiesConfig): ProxyOptions {
  const { http, https, except } = proxies
  return { http: proxyOf(proxy ?? http), https: proxyOf(proxy ?? https), except }
}

function proxyOf(choice: ProxyChoice | undefined): Proxy | undefined {
  if (choice === undefined || choice === 'none') return undefined
  const { url, credentials } = choice
  if (!credentials) return { url, authorization: undefined }
  const { username, password } = credentials
  return { url, authorization: basicAuthorization({ username, password: password.reveal() }) }
}
