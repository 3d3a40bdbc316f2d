import type { UpstreamConfig } from './config/upstreams.ts'
import type { UpstreamStats } from './http/admin/stats.ts'
import type { Events } from './telemetry/events.ts'
import { BreakerSource } from './upstream/breaker.ts'
import { Budget } from './upstream/budget.ts'
import type { TlsOptions } from './upstream/connector.ts'
import { RetrySource } from './upstream/retry.ts'
import { ThrottleSource } from './upstream/throttle.ts'
import { Transport } from './upstream/transport.ts'
import { UpstreamClient } from './upstream/upstream-client.ts'
import type { Clock } from './util/clock.ts'
import { VERSION } from './version.ts'

/** An upstream that can be asked; its owner disposes the transport. */
export interface OpenUpstream {
  source: ThrottleSource
  transport: Transport
  stats: () => UpstreamStats
}

/** Builds one upstream of what the configuration says of it. It need not be up. */
export function openUpstream(
  name: string,
  options: UpstreamConfig,
  clock: Clock,
  events: Events,
): OpenUpstream {
  const { url, realms } = options
  if (options.insecure || url.protocol === 'http:') {
    events.upstreamInsecure({ upstream: name, url: url.href })
  }
  const transport = new Transport({
    upstream: name,
    url,
    userAgent: `entrepot/${VERSION}`,
    tls: tlsOptions(options),
    privateHosts: options.privateHosts,
    events,
  })
  const budget = new Budget(clock)
  const credentials = options.credentials.map(({ username, password }) => ({
    username,
    password: password.reveal(),
  }))
  const client = new UpstreamClient({ name, url, credentials, realms, transport, clock, budget })
  const retry = new RetrySource(client, { clock })
  const breaker = new BreakerSource(retry, { upstream: name, clock, events })
  const source = new ThrottleSource(breaker, { clock })
  return {
    source,
    transport,
    stats: () => ({
      name,
      state: breaker.state(),
      budget: budget.snapshot().map(({ credential, limit, remaining, resetAtMs }) => ({
        credential,
        limit,
        remaining,
        resetAt: resetAtMs === undefined ? null : new Date(resetAtMs).toISOString(),
      })),
    }),
  }
}

function tlsOptions({ tls: { ca, cert, key }, insecure }: UpstreamConfig): TlsOptions {
  return {
    ca: ca?.pem.reveal(),
    client: cert && key && { cert: cert.pem.reveal(), key: key.pem.reveal() },
    verification: insecure ? 'skip' : 'full',
  }
}
