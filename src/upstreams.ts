import type { UpstreamEntry, UpstreamTestResult } from './admin-upstreams.ts'
import type { EndpointConfig } from './config/endpoint.ts'
import type { ProxiesConfig } from './config/proxy.ts'
import type { UpstreamConfig } from './config/upstreams.ts'
import { openCredentials, openTransport } from './endpoint-access.ts'
import { EndpointReport, probeOf } from './endpoint-report.ts'
import type { EndpointStats, UpstreamStats } from './admin-stats.ts'
import type { Source } from './oci/source.ts'
import type { Events } from './telemetry/events.ts'
import { AbuseLimitSource } from './upstream/abuse-limit.ts'
import { BreakerSource } from './upstream/breaker.ts'
import { Budget, type Standing } from './upstream/budget.ts'
import {
  FailoverSource,
  toAnotherEndpoint,
  toAnotherUser,
  type Alternative,
} from './upstream/failover.ts'
import { Latency } from './upstream/latency.ts'
import { RegistryEndpoint } from './upstream/registry-endpoint.ts'
import { RetrySource } from './upstream/retry.ts'
import { ThrottleSource } from './upstream/throttle.ts'
import { UpstreamClient } from './upstream/upstream-client.ts'
import type { Clock } from './util/clock.ts'

/** An upstream that can be asked, at one of its endpoints as one of its users. */
export interface OpenUpstream extends AsyncDisposable {
  source: Source
  /** Whether we are nobody in particular at all of its endpoints. */
  isPublic: boolean
  /**
   * Whether only what a client waits for should be asked now: whoever of us has a limit is low or
   * limited, at every endpoint. False where no limit was told.
   */
  isLow: () => boolean
  stats: () => UpstreamStats
  /** As far as it is known. */
  entry: () => UpstreamEntry
  /** Asks every endpoint as every user, whatever breakers and limits say. */
  test: (signal: AbortSignal) => Promise<UpstreamTestResult>
}

interface Endpoint extends Alternative, AsyncDisposable {
  /** Of each of its users. */
  standings: () => Standing[]
  stats: () => EndpointStats
  report: EndpointReport
}

/** Builds one upstream of what the configuration says of it. It need not be up. */
export function openUpstream(
  name: string,
  options: UpstreamConfig,
  proxy: ProxiesConfig,
  clock: Clock,
  events: Events,
): OpenUpstream {
  const open = (endpoint: EndpointConfig) => openEndpoint(name, endpoint, proxy, clock, events)
  const main = open(options)
  const probe = options.probe === undefined ? undefined : probeOf(options.probe)
  const endpoints = [main, ...options.failover.map(open)]
  const isLow = () => {
    const told = endpoints
      .flatMap(({ standings }) => standings())
      .filter((standing) => standing !== 'unknown')
    return told.length > 0 && told.every((standing) => standing === 'low')
  }
  return {
    source: new FailoverSource(endpoints, toAnotherEndpoint),
    isPublic: [options, ...options.failover].every(({ credentials }) => credentials.length === 0),
    isLow,
    stats() {
      const { state, budget } = main.stats()
      return {
        name,
        savedPulls: events.limits.savedPulls(name),
        isLow: isLow(),
        state,
        budget,
        endpoints: endpoints.map((endpoint) => endpoint.stats()),
      }
    },
    entry: () => ({ name, endpoints: endpoints.map(({ report }) => report.entry()) }),
    async test(signal) {
      const tests = endpoints.map((endpoint) =>
        endpoint.report.test(endpoint === main ? probe : undefined, signal),
      )
      return { name, endpoints: await Promise.all(tests) }
    },
    async [Symbol.asyncDispose]() {
      for (const endpoint of endpoints) await endpoint[Symbol.asyncDispose]()
    },
  }
}

function openEndpoint(
  upstream: string,
  options: EndpointConfig,
  proxy: ProxiesConfig,
  clock: Clock,
  events: Events,
): Endpoint {
  const { url, realms } = options
  const parts = new AsyncDisposableStack()
  const transport = parts.use(openTransport(upstream, options, proxy, events))
  const place = { upstream, endpoint: url.host, clock }
  events.endpointOpened(place)
  const budget = new Budget({ ...place, events: events.limits })
  const latency = new Latency()
  const alternatives = openCredentials(upstream, options, clock, events).map((provider) => {
    const credentials = parts.use(provider)
    const common = { upstream, url, credentials, realms, transport, clock, budget, latency }
    const registry = new RegistryEndpoint({ ...common, events })
    const client = new UpstreamClient({ name: upstream, endpoint: registry, clock })
    const retry = new RetrySource(client, { clock })
    const source = new ThrottleSource(retry, { clock })
    const standing = () =>
      source.untilMs === undefined ? budget.standing(credentials.label) : 'low'
    return { source, registry, credentials, standing, isLow: () => standing() === 'low' }
  })
  const breaker = new BreakerSource(new FailoverSource(alternatives, toAnotherUser), {
    ...place,
    events,
  })
  const source = new AbuseLimitSource(breaker, { ...place, events: events.limits })
  const report = new EndpointReport({
    upstream,
    url,
    transport,
    budget,
    latency,
    users: alternatives,
    state: () => breaker.state(),
    source,
    clock,
  })
  const limitedUntil = (credential: string) =>
    isoOf(alternatives.find((user) => user.credentials.label === credential)?.source.untilMs)
  return {
    source,
    isLow: () => alternatives.every(({ isLow }) => isLow()),
    standings: () =>
      alternatives.map(({ standing }) => (source.untilMs === undefined ? standing() : 'low')),
    stats: () => ({
      url: url.href,
      state: breaker.state(),
      limitedUntil: isoOf(source.untilMs),
      budget: budget.snapshot().map(({ credential, limit, remaining, resetAtMs }) => ({
        credential,
        limit,
        remaining,
        resetAt: isoOf(resetAtMs),
        limitedUntil: limitedUntil(credential),
      })),
    }),
    report,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
