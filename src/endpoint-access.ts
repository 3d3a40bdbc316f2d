import type { CredentialConfig } from './config/credentials.ts'
import type { EndpointConfig } from './config/endpoint.ts'
import type { ProxiesConfig, ProxyChoice } from './config/proxy.ts'
import type { Events } from './telemetry/events.ts'
import type { TlsOptions } from './upstream/connector.ts'
import type { CredentialProvider } from './upstream/credentials.ts'
import { DockerConfigCredentials } from './upstream/docker-config-credentials.ts'
import { serverNameOf } from './upstream/docker-config.ts'
import { FixedCredentials } from './upstream/fixed-credentials.ts'
import { ProgramCredentials } from './upstream/program-credentials.ts'
import type { Proxy, ProxyOptions } from './upstream/proxies.ts'
import { basicAuthorization } from './upstream/token-server.ts'
import { Transport } from './upstream/transport.ts'
import type { Clock } from './util/clock.ts'
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

/** Whom we are there, one after the other; anonymous where nobody is named. */
export function openCredentials(
  upstream: string,
  { url, credentials }: EndpointConfig,
  clock: Clock,
  events: Events,
): CredentialProvider[] {
  const common = { upstream, server: serverNameOf(url), clock, events }
  const open = (entry: CredentialConfig): CredentialProvider => {
    if ('dockerConfig' in entry) {
      return new DockerConfigCredentials({ ...common, path: entry.dockerConfig })
    }
    if ('helper' in entry) {
      return new ProgramCredentials({ ...common, helper: entry.helper, whenAbsent: 'fail' })
    }
    const { username, password } = entry
    return new FixedCredentials({ username, password: password.reveal() })
  }
  return credentials.length > 0 ? credentials.map(open) : [new FixedCredentials(undefined)]
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
