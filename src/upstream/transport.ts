import type { IncomingHttpHeaders } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { Agent, errors, type Dispatcher } from 'undici'
import { UpstreamError } from '../oci/upstream-error.ts'
import type { UpstreamAnswer } from '../telemetry/events.ts'
import type { ByteReader } from '../util/byte-reader.ts'
import { AddressGuard, PrivateAddressError } from './address-guard.ts'
import { upstreamConnector, type TlsOptions } from './connector.ts'
import { ResponseBody } from './response-body.ts'
import type { UpstreamEvents } from './upstream-events.ts'

export interface TransportOptions {
  /** The upstream's name, for errors and events. */
  upstream: string
  /** Where it is: from a public address none of its answers may lead to a private one. */
  url: URL
  userAgent: string
  /** Where left out the certificates of the system are believed, and none is shown. */
  tls?: TlsOptions
  /** Hosts that its answers may lead to though they are at private addresses. */
  privateHosts?: readonly string[]
  events?: UpstreamEvents
  connectTimeoutMs?: number
  /** From the request to the headers of the answer. */
  headersTimeoutMs?: number
  /** Without a byte of the body, while somebody wants to read it. */
  progressTimeoutMs?: number
}

export interface TransportRequest {
  kind: UpstreamAnswer['kind']
  method: 'GET' | 'HEAD'
  url: URL
  /** Sent as they are, with `User-Agent` and what HTTP/1.1 itself needs. */
  headers: Record<string, string>
  /** Ends the request, or the body if that is not read to its end. */
  signal: AbortSignal
}

export interface TransportResponse {
  /** What was asked. */
  url: URL
  status: number
  headers: IncomingHttpHeaders
  /** `Content-Length`, where there is a sensible one. */
  declaredBytes: number | undefined
  /** The caller disposes it. Rejects with UpstreamError, or with the signal's reason. */
  body: ByteReader
}

/**
 * Requests to one upstream and to where it leads, over connections that are kept and used again.
 * It follows no redirects, decodes nothing and repeats nothing; an answer is an answer, whatever
 * its status. Without one it throws UpstreamError `unreachable` or `timeout`;
 * `refused` where a private address is not for this upstream to name.
 */
export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions
  readonly #agent: Agent
  readonly #guard: AddressGuard

  constructor(options: TransportOptions) {
    this.#options = options
    const { url, tls = { verification: 'full' }, connectTimeoutMs = 10_000 } = options
    this.#guard = new AddressGuard(url, options.privateHosts ?? [])
    const { lookup } = this.#guard
    this.#agent = new Agent({
      connect: upstreamConnector({ url, tls, lookup, timeoutMs: connectTimeoutMs }),
      headersTimeout: options.headersTimeoutMs ?? 20_000,
      bodyTimeout: options.progressTimeoutMs ?? 30_000,
      keepAliveTimeout: 30_000,
      // One connection for each blob: they neither share a window nor stall each other.
      allowH2: false,
    })
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const { url, method, headers, signal } = request
    const refused = this.#guard.refusalOf(url)
    if (refused) throw refusal(this.#options.upstream, refused)
    // undici frees a connection one turn after its answer: wait that long, or a request straight
    // after another would open a new one.
    await setImmediate()
    signal.throwIfAborted()
    const exchange = new Exchange(request, this.#options)
    this.#agent.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { ...headers, 'user-agent': this.#options.userAgent },
      },
      exchange,
    )
    return await exchange.response
  }

  /** Ends every request that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }
}

/** One request and its answer, as undici reports it. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: TransportRequest
  readonly #options: TransportOptions
  readonly #response = Promise.withResolvers<TransportResponse>()
  readonly #startedAtMs = performance.now()
  readonly #abort = () => this.#fail(this.#request.signal.reason as Error)
  #controller: Dispatcher.DispatchController | undefined
  #body: ResponseBody | undefined

  constructor(request: TransportRequest, options: TransportOptions) {
    this.#request = request
    this.#options = options
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
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return
    this.#report(status)
    const { url, signal } = this.#request
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
    const { upstream } = this.#options
    const { host } = this.#request.url
    const fail = (kind: 'unreachable' | 'timeout', what: string) =>
      new UpstreamError(upstream, kind, `${upstream}: ${what}`, { cause })
    if (cause instanceof PrivateAddressError) return refusal(upstream, cause)
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

function refusal(upstream: string, cause: PrivateAddressError): UpstreamError {
  const message = `${upstream}: ${cause.message}, and ${upstream} itself is not (privateHosts can allow it)`
  return new UpstreamError(upstream, 'refused', message, { cause })
}

function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['content-length']
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
