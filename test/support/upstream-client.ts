import { Budget } from '../../src/upstream/budget.ts'
import type { CredentialProvider, Credentials } from '../../src/upstream/credentials.ts'
import { FixedCredentials } from '../../src/upstream/fixed-credentials.ts'
import {
  RegistryEndpoint,
  type RegistryEndpointOptions,
} from '../../src/upstream/registry-endpoint.ts'
import { Transport, type TransportOptions } from '../../src/upstream/transport.ts'
import { Latency } from '../../src/upstream/latency.ts'
import { UpstreamClient } from '../../src/upstream/upstream-client.ts'
import { systemClock } from '../../src/util/clock.ts'
import type { FakeHub } from './fake-hub/fake-hub.ts'

export interface OpenedClient extends AsyncDisposable {
  client: UpstreamClient
  budget: Budget
}

export type ClientOptions = Partial<Pick<RegistryEndpointOptions, 'realms' | 'clock' | 'url'>> & {
  name?: string
  credentials?: Credentials | CredentialProvider
  transport?: Partial<TransportOptions>
}

/** A client of the fake hub, with timeouts that a test can wait for. */
export function openClient(hub: FakeHub, options: ClientOptions = {}): OpenedClient {
  const { name = 'hub.test', credentials: given, realms = [], clock = systemClock } = options
  const url = options.url ?? new URL(hub.url)
  const transport = new Transport({
    upstream: name,
    url,
    userAgent: 'entrepot/test',
    ...options.transport,
  })
  const budget = new Budget({ upstream: name, endpoint: url.host, clock })
  const latency = new Latency()
  const credentials = isProvider(given) ? given : new FixedCredentials(given)
  const access = { upstream: name, url, credentials, realms, transport, clock, budget, latency }
  const client = new UpstreamClient({ name, endpoint: new RegistryEndpoint(access), clock })
  return { client, budget, [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose]() }
}

function isProvider(
  given: Credentials | CredentialProvider | undefined,
): given is CredentialProvider {
  return given !== undefined && 'get' in given
}
