import type { EndpointConfig } from './config/endpoint.ts'
import type { Config } from './config/schema.ts'
import { openCredentials, openTransport } from './endpoint-access.ts'
import { UpstreamError } from './oci/upstream-error.ts'
import { checkFolder } from './store/folder-check.ts'
import { StoreError } from './store/store-error.ts'
import { openS3Store, spaceLimits } from './stores.ts'
import { Events } from './telemetry/events.ts'
import { createLogger } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'
import { Budget } from './upstream/budget.ts'
import { checkRegistry } from './upstream/registry-check.ts'
import { RegistryEndpoint } from './upstream/registry-endpoint.ts'
import { systemClock as clock } from './util/clock.ts'

/** Something that the configuration names, and whether it can be used. */
export interface Connection {
  part: 'data' | 'store' | 'upstream'
  /** The folder, the bucket, or the upstream's name. */
  name: string
  /** Which of the upstream's endpoints. */
  url?: string
  /** Of the data folder. */
  freeBytes?: number
  /** What is wrong with it; `null` where nothing is. */
  fault: string | null
}

/** Node's codes for certificates that it does not believe. */
const CERTIFICATE_CODE = /^(CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT)/

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
    ...upstreams.map(({ name, endpoint }) => checkEndpoint(name, endpoint, config.proxy, events)),
  ])
}

async function checkData(config: Config): Promise<Connection> {
  const about = { part: 'data', name: config.data } as const
  try {
    const { freeBytes, totalBytes } = await checkFolder(config.data)
    const { minFreeBytes } = spaceLimits(config)
    const isFull = freeBytes < Math.min(minFreeBytes, totalBytes / 2) / 2
    const fault = isFull ? 'less than half of eviction.minFree is left: nothing new is kept' : null
    return { ...about, freeBytes, fault }
  } catch (error) {
    return { ...about, fault: faultOf(error) }
  }
}

async function checkBucket(store: Config['store']): Promise<Connection> {
  const about = { part: 'store', name: store.bucket ?? '' } as const
  try {
    const opened = await openS3Store(store)
    await opened.store[Symbol.asyncDispose]()
    return { ...about, fault: null }
  } catch (error) {
    return { ...about, fault: faultOf(error) }
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
  try {
    const { signal } = new AbortController()
    for (const provider of openCredentials(upstream, endpoint, clock, events)) {
      const credentials = parts.use(provider)
      const common = { upstream, url, realms, credentials, transport, clock, budget }
      await checkRegistry(upstream, new RegistryEndpoint(common), undefined, signal)
    }
    return { ...about, fault: null }
  } catch (error) {
    return { ...about, fault: faultOf(error) }
  }
}

function faultOf(error: unknown): string {
  if (error instanceof StoreError) return error.message
  if (!(error instanceof UpstreamError)) throw error
  const { cause, upstream } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (!CERTIFICATE_CODE.test(code)) return error.message
  return `${upstream}: its certificate is not believed (${code}): see upstreams.${upstream}.tls`
}
