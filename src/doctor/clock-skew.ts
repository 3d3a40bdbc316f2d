import type { Config } from '../config/schema.ts'
import type { EndpointConfig } from '../config/endpoint.ts'
import { openTransport } from '../endpoint-access.ts'
import { UpstreamError } from '../oci/upstream-error.ts'
import { Events } from '../telemetry/events.ts'
import { createLogger } from '../telemetry/logger.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { formatDuration } from '../util/duration.ts'
import { type Finding, fault, ok, warning } from './finding.ts'

/** Tokens and signatures are good for minutes: some services refuse what is five off. */
const BAD_MS = 5 * 60_000
const DOUBTFUL_MS = 30_000
const ANSWER_WITHIN_MS = 10_000

/** Our clock against those of the registries; the one that is nearest to ours is believed. */
export async function examineClock(config: Config): Promise<Finding[]> {
  await using log = createLogger({ level: 'silent', format: 'json' })
  const events = new Events(log.logger, new Metrics())
  const asked = Object.entries(config.upstreams).map(([name, endpoint]) =>
    skewMs(name, endpoint, config.proxy, events),
  )
  const skews = (await Promise.all(asked)).filter((skew) => skew !== undefined)
  const [least] = skews.toSorted((one, other) => Math.abs(one) - Math.abs(other))
  return least === undefined ? [] : [finding(least)]
}

function finding(skew: number): Finding {
  const off = formatDuration(Math.round(Math.abs(skew) / 1000) * 1000)
  const text = `the clock is ${off} ${skew > 0 ? 'ahead of' : 'behind'} those of the registries`
  if (Math.abs(skew) >= BAD_MS) return fault('clock', text, FIX)
  if (Math.abs(skew) >= DOUBTFUL_MS) return warning('clock', text, FIX)
  return ok('clock', 'the clock is that of the registries')
}

const FIX = 'let the machine set its clock: timedatectl set-ntp true'

/** Positive where ours is ahead; `undefined` where the registry does not answer, or tells no time. */
async function skewMs(
  name: string,
  endpoint: EndpointConfig,
  proxies: Config['proxy'],
  events: Events,
): Promise<number | undefined> {
  await using transport = openTransport(name, endpoint, proxies, events)
  const url = new URL(endpoint.url.href.replace(/\/*$/, '/v2/'))
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  try {
    const request = { kind: 'version', method: 'GET', url, headers: {}, signal } as const
    const response = await transport.request(request)
    await response.body[Symbol.asyncDispose]()
    const toldMs = Date.parse(response.headers.date ?? '')
    return Number.isNaN(toldMs) ? undefined : Date.now() - toldMs
  } catch (error) {
    // Why it does not answer is told of the upstream itself.
    if (error instanceof UpstreamError || signal.aborted) return undefined
    throw error
  }
}
