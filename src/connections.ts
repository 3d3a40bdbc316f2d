import type { EndpointConfig } from './config/endpoint.ts'
import type { Config } from './config/schema.ts'
import { type Connection, WELL } from './connection.ts'
import { openCredentials, openTransport } from './endpoint-access.ts'
import { checkAudit, checkData, checkUsers } from './local-connections.ts'
import { UpstreamError, type UpstreamErrorKind } from './oci/upstream-error.ts'
import { StoreError } from './store/store-error.ts'
import { openS3Store } from './stores.ts'
import { Events } from './telemetry/events.ts'
import { createLogger } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'
import { Budget } from './upstream/budget.ts'
import { Latency } from './upstream/latency.ts'
import { checkRegistry } from './upstream/registry-check.ts'
import { RegistryEndpoint } from './upstream/registry-endpoint.ts'
import { systemClock as clock } from './util/clock.ts'
import { isDisbelief } from './util/disbelief.ts'
import { errorCode } from './util/error-code.ts'

/** Asks everything that a mirror of this configuration would talk to, and changes nothing. */
export async function checkConnections(config: Config): Promise<Connection[]> {
  await using log = createLogger({ level: 'silent', format: 'json' })
  const events = new Events(log.logger, new Metrics())
  const upstreams = Object.entries(config.upstreams).flatMap(([name, upstream]) =>
    [upstream, ...upstream.failover].map((endpoint) => ({ name, endpoint })),
  )
  return await Promise.all([
    checkData(config),
    ...(config.store.type === 's3' ? [checkBucket(config.store)] : []),
    ...(config.auth.htpasswd === undefined ? [] : [checkUsers(config.auth.htpasswd)]),
    ...(config.audit ? [checkAudit(config.audit.path)] : []),
    ...upstreams.map(({ name, endpoint }) => checkEndpoint(name, endpoint, config.proxy, events)),
  ])
}

async function checkBucket(store: Config['store']): Promise<Connection> {
  const about = { part: 'store', name: store.bucket ?? '' } as const
  try {
    const opened = await openS3Store(store)
    await opened.store[Symbol.asyncDispose]()
    return { ...about, ...WELL }
  } catch (error) {
    const fix = 'look at store.endpoint, store.bucket, and the rights of the access key'
    return { ...about, fault: faultOf(error), fix }
  }
}

async function checkEndpoint(
  upstream: string,
  endpoint: EndpointConfig,
  proxies: Config['proxy'],
  events: Events,
): Promise<Connection> {
  const { url, realms } = endpoint
  const about = { part: 'upstream', name: upstream, url: url.href } as const
  await using parts = new AsyncDisposableStack()
  const transport = parts.use(openTransport(upstream, endpoint, proxies, events))
  const budget = new Budget({ upstream, endpoint: url.host, clock })
  const latency = new Latency()
  try {
    const { signal } = new AbortController()
    for (const provider of openCredentials(upstream, endpoint, clock, events)) {
      const credentials = parts.use(provider)
      const common = { upstream, url, realms, credentials, transport, clock, budget, latency }
      await checkRegistry(upstream, new RegistryEndpoint(common), undefined, signal)
    }
    return { ...about, ...WELL }
  } catch (error) {
    return { ...about, fault: faultOf(error), fix: endpointFix(upstream, error) }
  }
}

/** What to do, with the key of the upstream for `KEY`. */
const FIXES: Readonly<Record<UpstreamErrorKind, string>> = {
  unreachable: 'look at the firewall, at DNS, at proxy and at KEY.url',
  timeout: 'look at the firewall, at DNS, at proxy and at KEY.url',
  denied: 'look at KEY.credentials: they may be wrong or have ended',
  token: 'look at KEY.credentials: they may be wrong or have ended',
  refused: 'name the host in KEY.realms or KEY.privateHosts, if it is to be trusted',
  'rate-limited': 'wait until the limit is over, or name more of KEY.credentials',
  'abuse-limited': 'wait until the limit is over, or name another registry in KEY.failover',
  server: 'wait: the registry has trouble; KEY.failover names others',
  invalid: 'look at KEY.url: what answers there is no registry',
}

function endpointFix(upstream: string, error: unknown): string {
  return fixFor(error).replaceAll('KEY', `upstreams.${upstream}`)
}

function fixFor(error: unknown): string {
  if (!(error instanceof UpstreamError)) return 'look at KEY'
  const code = errorCode(error.cause) ?? ''
  if (OUT_OF_DATE.has(code)) {
    return 'whoever runs it has to renew it, unless the clock here is wrong'
  }
  if (isDisbelief(code)) return 'name the authority that made it in KEY.tls.ca, and look at KEY.url'
  return FIXES[error.kind]
}

const OUT_OF_DATE: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

function faultOf(error: unknown): string {
  if (error instanceof StoreError) return error.message
  if (!(error instanceof UpstreamError)) throw error
  const code = errorCode(error.cause) ?? ''
  if (!isDisbelief(code)) return error.message
  return `${error.upstream}: its certificate is not believed (${code}): see upstreams.${error.upstream}.tls`
}
