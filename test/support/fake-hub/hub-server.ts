import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { abortable } from '../../../src/util/abortable.ts'
import type { Answer, HubRequest } from './answer.ts'
import type { FaultRule } from './faults.ts'
import type { RequestLog, ServerName } from './request-log.ts'
import { sendAnswer } from './send-answer.ts'

export interface HubServerOptions {
  name: ServerName
  /** What it calls itself; it listens on loopback. */
  host: string
  log: RequestLog
  rules: ReadonlySet<FaultRule>
  handler: (request: HubRequest) => Answer
  latencyMs: number
  bytesPerSecond: number | undefined
}

/** One listener of the fake hub. It keeps its port over an outage. */
export class HubServer implements AsyncDisposable {
  #port = 0
  #server: Server | undefined
  readonly #options: HubServerOptions

  constructor(options: HubServerOptions) {
    this.#options = options
  }

  get url(): string {
    return `http://${this.#options.host}:${this.#port}`
  }

  /** Listens; after an outage on the port that it had. */
  async up(port = this.#port): Promise<void> {
    if (this.#server) return
    const server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        // A client that has gone ends the waits for it; anything else is a fault of the hub.
        if (!response.destroyed) console.error(error)
        response.destroy()
      })
    })
    server.keepAliveTimeout = 60_000
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Cuts every connection and refuses new ones. */
  async down(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { name, log, handler, latencyMs, bytesPerSecond } = this.#options
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const { signal } = gone
    const method = request.method ?? 'GET'
    const path = request.url ?? '/'
    const record = log.open(name, method, path, { ...request.headers })
    const rules = [...this.#options.rules].filter((rule) => rule.take(name, method, path))
    if (method !== 'POST') request.resume()
    const body = method === 'POST' ? await text(request) : ''

    const headers = { ...request.headers }
    let replaced: Answer | undefined
    if (latencyMs > 0) await delay(latencyMs, undefined, { signal })
    for (const rule of rules) {
      const { fault } = rule
      if (fault.kind === 'latency') await delay(fault.ms, undefined, { signal })
      if (fault.kind === 'hold' && fault.atByte === undefined) await abortable(rule.hold(), signal)
      if (fault.kind === 'hang-up') {
        request.socket.destroy()
        return
      }
      if (fault.kind === 'ignore-range') delete headers.range
      if (fault.kind === 'expired-token') delete headers.authorization
      if (fault.kind === 'answer') {
        const { status, headers = {}, body = '' } = fault
        replaced = { status, headers, body: Buffer.from(body) }
      }
    }
    const answer = replaced ?? handler({ method, url: new URL(path, this.url), headers, body })
    await sendAnswer(response, answer, { rules, record, signal, bytesPerSecond })
  }
}
