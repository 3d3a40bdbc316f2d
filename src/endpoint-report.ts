import type {
  UpstreamEndpointEntry,
  UpstreamEndpointTest,
  UpstreamUserEntry,
} from './admin-upstreams.ts'
import { parseRepository, parseTag, type Reference } from './oci/reference.ts'
import { UpstreamError } from './oci/upstream-error.ts'
import type { BreakerState } from './telemetry/events.ts'
import type { Budget } from './upstream/budget.ts'
import type { CredentialProvider } from './upstream/credentials.ts'
import type { Latency } from './upstream/latency.ts'
import { checkRegistry } from './upstream/registry-check.ts'
import type { RegistryEndpoint } from './upstream/registry-endpoint.ts'
import type { Transport } from './upstream/transport.ts'
import type { Clock } from './util/clock.ts'

export interface ReportedUser {
  credentials: CredentialProvider
  registry: RegistryEndpoint
  /** Left alone until then after a 429. */
  source: { readonly untilMs: number | undefined }
}

export interface EndpointReportOptions {
  upstream: string
  url: URL
  transport: Transport
  budget: Budget
  latency: Latency
  users: readonly ReportedUser[]
  state: () => BreakerState
  /** Left alone until then, since it refused all requests. */
  source: { readonly untilMs: number | undefined }
  clock: Clock
}

/** What operators are told of an endpoint. */
export class EndpointReport {
  readonly #options: EndpointReportOptions

  constructor(options: EndpointReportOptions) {
    this.#options = options
  }

  /** As far as it is known. */
  entry(): UpstreamEndpointEntry {
    const { url, transport, state, latency, source, users } = this.#options
    return {
      url: url.href,
      proxy: transport.proxy?.url.origin ?? null,
      state: state(),
      latency: latency.summary() ?? null,
      limitedUntil: isoOf(source.untilMs),
      users: users.map((user) => this.#userEntry(user)),
    }
  }

  /** Asks as every user, at once, whatever breakers and limits say. */
  async test(probe: Reference | undefined, signal: AbortSignal): Promise<UpstreamEndpointTest> {
    const { upstream, users, clock } = this.#options
    const tests = users.map(async (user) => {
      const startedAtMs = clock.now()
      const question = checkRegistry(upstream, user.registry, probe, signal)
      const error = await faultOf(question, signal)
      return { ...this.#userEntry(user), durationMs: clock.now() - startedAtMs, error }
    })
    const tested = await Promise.all(tests)
    return { ...this.entry(), users: tested }
  }

  #userEntry({ credentials, registry, source }: ReportedUser): UpstreamUserEntry {
    const { isAnswering = null, isRefused, authentication } = registry.acquaintance
    const { label } = credentials
    const told = this.#options.budget.snapshot().find(({ credential }) => credential === label)
    return {
      credential: label,
      isAnswering,
      isRefused,
      authentication: authentication
        ? {
            kind: authentication.kind,
            realm: authentication.kind === 'bearer' ? authentication.realm.host : null,
          }
        : null,
      limit: told?.limit ?? null,
      remaining: told?.remaining ?? null,
      resetAt: isoOf(told?.resetAtMs),
      limitedUntil: isoOf(source.untilMs),
    }
  }
}

/** What to ask for: `repository` or `repository:tag`. */
export function probeOf(text: string): Reference | undefined {
  const [name = '', given = 'latest'] = text.split(':')
  const repository = parseRepository(name)
  const tag = parseTag(given)
  return repository && tag && { kind: 'tag', repository, tag }
}

async function faultOf(question: Promise<void>, signal: AbortSignal): Promise<string | null> {
  try {
    await question
    return null
  } catch (error) {
    if (error instanceof UpstreamError) return error.message
    if (signal.aborted) return 'there is no answer in time'
    throw error
  }
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
