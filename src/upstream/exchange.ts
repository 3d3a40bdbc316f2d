import type { IncomingHttpHeaders } from 'node:http'
import { errors, type Dispatcher } from 'undici'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { UpstreamAnswer } from '../telemetry/events.ts'
import { type Stretch, traceUpstream } from '../telemetry/tracing.ts'
import type { ByteReader } from '../util/byte-reader.ts'
import { PrivateAddressError } from './address-guard.ts'
import type { Proxy } from './proxies.ts'
import { ProxyError } from './proxy-connections.ts'
import { ResponseBody } from './response-body.ts'
import type { UpstreamEvents } from './upstream-events.ts'

export interface TransportRequest {
  kind: UpstreamAnswer['kind']
  method: 'GET' | 'HEAD' | 'POST'
  url: URL
  /** Sent as they are, with `User-Agent` and what HTTP/1.1 itself needs. */
  headers: Record<string, string>
  body?: string
  /** Ends the request, or the body if that is not read to its end. */
  signal: AbortSignal
}

export interface TransportResponse {
  /** What was asked. */
  url: URL
  status: number
  /** A field that came several times is one, as RFC 9110 section 5.3 combines them. */
  headers: IncomingHttpHeaders
  /** `Content-Length`, where there is a sensible one. */
  declaredBytes: number | undefined
  /** The caller disposes it. Rejects with UpstreamError, or with the signal's reason. */
  body: ByteReader
}

export interface ExchangeOptions {
  /** The upstream's name, for errors and events. */
  upstream: string
  /** Whom the request itself is sent to, which a tunnel is not. */
  proxy: Proxy | undefined
  events: UpstreamEvents | undefined
}

/** One request and its answer, as undici reports it. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: TransportRequest
  readonly #options: ExchangeOptions
  readonly #response = Promise.withResolvers<TransportResponse>()
  readonly #startedAtMs = performance.now()
  readonly #trace: Stretch
  readonly #abort = () => this.#fail(this.#request.signal.reason as Error)
  #controller: Dispatcher.DispatchController | undefined
  #body: ResponseBody | undefined

  constructor(request: TransportRequest, options: ExchangeOptions) {
    this.#request = request
    this.#options = options
    this.#trace = traceUpstream({
      'http.request.method': request.method,
      'server.address': request.url.host,
      'entrepot.kind': request.kind,
      'entrepot.upstream': options.upstream,
    })
    request.signal.addEventListener('abort', this.#abort)
  }

  get response(): Promise<TransportResponse> {
    return this.#response.promise
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    const { signal } = this.#request
    if (signal.aborted) controller.abort(signal.reason as Error)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: IncomingHttpHeaders,
  ): void {
    if (status < 200) return
    this.#report(status)
    this.#trace.end({ 'http.response.status_code': status })
    const { url, signal } = this.#request
    const headers = combined(fields)
    const declaredBytes = lengthOf(headers)
    this.#body = new ResponseBody(controller, declaredBytes, signal)
    this.#response.resolve({ url, status, headers, declaredBytes, body: this.#body })
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#options.events?.bytesFetched(this.#options.upstream, chunk.length)
    this.#body?.push(chunk)
  }

  onResponseEnd(): void {
    this.#stopListening()
    this.#body?.end()
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    // Aborted means settled already, and is no fault of the upstream.
    if (this.#request.signal.aborted) return
    if (!this.#body) this.#report('error')
    this.#settle(this.#translate(error))
  }

  #fail(reason: Error): void {
    // Settled here, not when undici calls back: before it has a connection it does not listen.
    this.#settle(reason)
    this.#controller?.abort(reason)
  }

  #settle(error: Error): void {
    this.#trace.end({}, error)
    this.#stopListening()
    this.#response.reject(error)
    this.#body?.fail(error)
  }

  #stopListening(): void {
    this.#request.signal.removeEventListener('abort', this.#abort)
  }

  #report(status: number | 'error'): void {
    const { upstream, events } = this.#options
    const { kind, method } = this.#request
    const durationMs = performance.now() - this.#startedAtMs
    events?.upstreamAnswered({ upstream, kind, method, status, durationMs })
  }

  #translate(cause: Error): UpstreamError {
    const { upstream, proxy } = this.#options
    const { url } = this.#request
    const host = proxy ? `${url.host}, through the proxy ${proxy.url.host},` : url.host
    const fail = (kind: 'unreachable' | 'timeout', what: string) =>
      new UpstreamError(upstream, kind, `${upstream}: ${what}`, { cause })
    if (cause instanceof PrivateAddressError) return refusalOf(upstream, cause)
    if (cause instanceof ProxyError) return proxyFailure(upstream, cause)
    if (cause instanceof errors.ConnectTimeoutError) {
      return fail('timeout', `no connection to ${host} in time`)
    }
    if (cause instanceof errors.HeadersTimeoutError) {
      return fail('timeout', `no answer from ${host} in time`)
    }
    if (cause instanceof errors.BodyTimeoutError) {
      return fail('timeout', `no further bytes from ${host} in time`)
    }
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
    return this.#body
      ? fail('unreachable', `the answer of ${host} broke off (${code})`)
      : fail('unreachable', `${host} cannot be reached (${code})`)
  }
}

export function refusalOf(upstream: string, cause: PrivateAddressError): UpstreamError {
  const message = `${upstream}: ${cause.message}, and ${upstream} itself is not (privateHosts can allow it)`
  return new UpstreamError(upstream, 'refused', message, { cause })
}

export function proxyFailure(upstream: string, cause: ProxyError): UpstreamError {
  return new UpstreamError(upstream, 'unreachable', `${upstream}: ${cause.message}`, { cause })
}

/** Fields that are no lists: some that stand in between add theirs to the same one. */
const SINGLE_FIELDS: ReadonlySet<string> = new Set(['content-type', 'location', 'retry-after'])

/** undici gives those that came several times as an array, whatever their type says. */
function combined(fields: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (!Array.isArray(value)) return [name, value]
      return [name, SINGLE_FIELDS.has(name) ? value[0] : value.join(', ')]
    }),
  )
}

function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['content-length']
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
