import { type IncomingMessage, request } from 'node:http'
import { Agent, request as requestSecurely } from 'node:https'

/** In PEM. */
export interface ClientTls {
  /** Authorities that are believed instead of those of the system. */
  ca?: string | undefined
  /** What is shown to who asks for a certificate; comes with its key. */
  cert?: string | undefined
  key?: string | undefined
}

export interface Asked {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  headers: Record<string, string>
  body: string | undefined
  signal: AbortSignal | undefined
  /** How long nothing may come; 0 is for ever. */
  patienceMs: number
}

/** The code of what a request fails with when nothing has come for too long. */
export const SILENT = 'ETIMEDOUT'

/** The way to the admin listener, over TLS where its URL says so. */
export class AdminConnection {
  readonly isSecure: boolean
  readonly #url: string
  readonly #agent: Agent

  constructor(url: string, tls: ClientTls) {
    this.isSecure = new URL(url).protocol === 'https:'
    this.#url = url
    this.#agent = new Agent({ keepAlive: true, ...tls })
  }

  /** Resolves when the answer begins. Rejects with the system's error; follows no redirect. */
  send({ method, path, headers, body, signal, patienceMs }: Asked): Promise<IncomingMessage> {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    // Where none is given, the agent of Node has one of 5 s.
    const timed = { headers: { ...headers, ...length }, timeout: patienceMs }
    const options = { method, ...timed, ...(signal && { signal }) }
    return new Promise((resolve, reject) => {
      const url = `${this.#url}${path}`
      const outgoing = this.isSecure
        ? requestSecurely(url, { ...options, agent: this.#agent }, resolve)
        : request(url, options, resolve)
      outgoing.on('timeout', () => {
        outgoing.destroy(Object.assign(new Error('it says nothing'), { code: SILENT }))
      })
      outgoing.on('error', reject).end(body)
    })
  }
}
