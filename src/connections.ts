import { HtpasswdError } from './auth/htpasswd.ts'
import { readPasswords, UnreadPasswordsError } from './auth/password-file.ts'
import type { EndpointConfig } from './config/endpoint.ts'
import type { Config } from './config/schema.ts'
import { openCredentials, openTransport } from './endpoint-access.ts'
import { UpstreamError, type UpstreamErrorKind } from './oci/upstream-error.ts'
import { checkFolder } from './store/folder-check.ts'
import { StoreError } from './store/store-error.ts'
import { openS3Store, spaceLimits } from './stores.ts'
import { Events } from './telemetry/events.ts'
import { createLogger } from './telemetry/logger.ts'
import { Metrics } from './telemetry/metrics.ts'
import { Budget } from './upstream/budget.ts'
import { Latency } from './upstream/latency.ts'
import { checkRegistry } from './upstream/registry-check.ts'
import { RegistryEndpoint } from './upstream/registry-endpoint.ts'
import { systemClock as clock } from './util/clock.ts'
import { isDisbelief } from './util/disbelief.ts'

/** Something that the configuration names, and whether it can be used. */
export interface Connection {
  part: 'data' | 'store' | 'users' | 'upstream'
  /** The folder, the bucket, the file, or the upstream's name. */
  name: string
  /** Which of the upstream's endpoints. */
  url?: string
  /** Of the data folder. */
  freeBytes?: number
  /** What is wrong with it; `null` where nothing is. */
  fault: string | null
  /** What to do about the fault. */
  fix: string | null
}

const WELL = { fault: null, fix: null }

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
    ...upstreams.map(({ name, endpoint }) => checkEndpoint(name, endpoint, config.proxy, events)),
  ])
}

async function checkData(config: Config): Promise<Connection> {
  const about = { part: 'data', name: config.data } as const
  try {
    const { freeBytes, totalBytes } = await checkFolder(config.data)
    const { minFreeBytes } = spaceLimits(config)
    const isFull = freeBytes < Math.min(minFreeBytes, totalBytes / 2) / 2
    if (!isFull) return { ...about, freeBytes, ...WELL }
    const fault = 'less than half of eviction.minFree is left: nothing new is kept'
    return { ...about, freeBytes, fault, fix: 'make room on that disk, or lower eviction.minFree' }
  } catch (error) {
    const fix = 'let the user of the daemon own the folder: chown -R USER FOLDER'
    return { ...about, fault: faultOf(error), fix }
  }
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

async function checkUsers(path: string): Promise<Connection> {
  const about = { part: 'users', name: path } as const
  try {
    await readPasswords(path)
    return { ...about, ...WELL }
  } catch (error) {
    const fix = `entrepot passwd ${path} USER makes a line, or the whole file`
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
  const fix = error instanceof UpstreamError ? FIXES[error.kind] : 'look at KEY'
  return fix.replaceAll('KEY', `upstreams.${upstream}`)
}

function faultOf(error: unknown): string {
  if (error instanceof StoreError || error instanceof UnreadPasswordsError) return error.message
  if (error instanceof HtpasswdError) return error.message.replaceAll('\n', '; ')
  if (!(error instanceof UpstreamError)) throw error
  const { cause, upstream } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (!isDisbelief(code)) return error.message
  return `${upstream}: its certificate is not believed (${code}): see upstreams.${upstream}.tls`
}
