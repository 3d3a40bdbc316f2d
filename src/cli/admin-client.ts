import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { ApiFault, WorkLine, WorkName, WorkProgress, Works } from '../admin-api.ts'
import type { LiveStatus } from '../admin-daemon.ts'
import { AdminConnection, type Asked, type ClientTls } from './admin-connection.ts'
import { whyUnanswered } from './unanswered.ts'

/**
 * No daemon was there; the token or the certificate was wrong; the request was wrong; the daemon
 * refused or failed.
 */
export type AdminFailure = 'unavailable' | 'denied' | 'usage' | 'failure'

/** What codes of the admin API mean here. */
const FAILURES: Readonly<Record<string, AdminFailure>> = {
  INVALID: 'usage',
  UNAUTHORIZED: 'denied',
  STOPPING: 'unavailable',
}

export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly failure: AdminFailure

  constructor(failure: AdminFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}

/** What of OpenAPI tells the version, if it is there. */
interface ApiDescription {
  info?: { version?: unknown }
}

export interface WorkListener<Item> {
  onProgress: (progress: WorkProgress) => void
  onItem: (item: Item) => void
}

export interface AdminAccess {
  token?: string | undefined
  /** Where the URL is https. */
  tls?: ClientTls
  /** Ends all requests. */
  signal?: AbortSignal | undefined
  /** How long a daemon that is only asked how things stand may be silent. */
  patienceMs?: number
}

/** Twice as long as a daemon that has nothing to tell. */
const PATIENCE_MS = 20_000

/** The admin API of a running daemon. Everything that fails is an AdminError. */
export class AdminClient {
  readonly #url: string
  readonly #access: AdminAccess
  readonly #connection: AdminConnection

  /** `url` is that of the admin listener. */
  constructor(url: string, access: AdminAccess = {}) {
    this.#url = url.replace(/\/+$/, '')
    this.#access = access
    this.#connection = new AdminConnection(this.#url, access.tls ?? {})
  }

  /** Paths are relative to `/api/v1/`. An answer without a body is `undefined`. */
  async ask<T>(method: Asked['method'], path: string, body?: object): Promise<T> {
    const response = await this.#send(method, path, body)
    const answer = await this.#read(response)
    if (response.statusCode === 204) return undefined as T
    return this.#parsed(answer, response) as T
  }

  /** Of the daemon. */
  async version(): Promise<string> {
    const response = await this.#send('GET', 'openapi.json', undefined)
    const told = this.#parsed(await this.#read(response), response) as ApiDescription | null
    const version = told?.info?.version
    if (typeof version !== 'string') throw this.#foreign(response, undefined)
    return version
  }

  /** Starts long work, or joins it, and listens until its end. */
  async work<Name extends WorkName>(
    name: Name,
    body: Works[Name]['body'],
    { onProgress, onItem }: WorkListener<Works[Name]['item']>,
  ): Promise<Works[Name]['result']> {
    for await (const line of this.#told(name, body)) {
      if ('progress' in line) onProgress(line.progress)
      else if ('item' in line) onItem(line.item)
      else if ('result' in line) return line.result
    }
    throw this.#lost(undefined)
  }

  /** What a dry run finds, one after the other; it ends with whoever leaves the loop. */
  async *items<Name extends WorkName>(
    name: Name,
    body: Works[Name]['body'] & { dryRun: true },
  ): AsyncIterable<Works[Name]['item']> {
    for await (const line of this.#told(name, body)) {
      if ('item' in line) yield line.item
      else if ('result' in line) return
    }
    throw this.#lost(undefined)
  }

  /** All lines but errors, which are thrown. */
  async *#told<Name extends WorkName>(
    name: Name,
    body: Works[Name]['body'],
  ): AsyncIterable<Exclude<WorkLine<Name>, { error: ApiFault }>> {
    const response = await this.#send('POST', name, body)
    for await (const line of this.#lines(response)) {
      const told = line as WorkLine<Name>
      if ('error' in told) throw this.#refusal(told.error)
      yield told
    }
  }

  /** Listens to lines of JSON until the daemon goes away, which rejects as any failure. */
  async listen(path: string, onLine: (line: unknown) => void): Promise<never> {
    for await (const line of this.#lines(await this.#send('GET', path, undefined))) onLine(line)
    throw this.#lost(undefined)
  }

  async #send(
    method: Asked['method'],
    path: string,
    body: object | undefined,
  ): Promise<IncomingMessage> {
    const { token, signal } = this.#access
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    }
    const patienceMs = method === 'GET' ? (this.#access.patienceMs ?? PATIENCE_MS) : 0
    const asked = { method, path: `/api/v1/${path}`, headers, signal, patienceMs }
    let response: IncomingMessage
    try {
      response = await this.#connection.send({ ...asked, body: body && JSON.stringify(body) })
    } catch (cause) {
      throw this.#unanswered(cause)
    }
    const { statusCode = 0, headers: told } = response
    // A page is of a proxy, or of another server.
    const isPage = told['content-type']?.startsWith('text/html')
    if (!isPage && statusCode >= 200 && statusCode < 300) return response
    const fault = faultIn(await this.#read(response))
    if (fault) throw this.#refusal(fault)
    throw this.#foreign(response, undefined)
  }

  #foreign({ statusCode }: IncomingMessage, cause: unknown): AdminError {
    const what = `is not the admin listener of entrepot (${statusCode})`
    // What speaks TLS, ours too, says so to who does not.
    const mayBeTls = statusCode === 400 && !this.#connection.isSecure
    const hint = mayBeTls ? `: is its URL ${this.#url.replace(/^http/i, 'https')}?` : ''
    return new AdminError('unavailable', `what answers at ${this.#url} ${what}${hint}`, { cause })
  }

  #unanswered(cause: unknown): AdminError {
    const { isSecure } = this.#connection
    const isShownCertificate = this.#access.tls?.cert !== undefined
    const asked = { url: this.#url, isSecure, isShownCertificate }
    const { failure, message } = whyUnanswered(cause, asked)
    return new AdminError(failure, message, { cause })
  }

  #refusal({ code, message }: ApiFault): AdminError {
    const failure = FAILURES[code] ?? 'failure'
    if (failure !== 'denied') return new AdminError(failure, message)
    const what = this.#access.token === undefined ? 'asks for a token' : 'has another token'
    return new AdminError(failure, `the daemon at ${this.#url} ${what}: see admin.token`)
  }

  /** How things stand, at once and each second, until the daemon goes away, which is a failure. */
  async *live(): AsyncIterable<LiveStatus> {
    const begin = 'data: '
    const response = await this.#send('GET', 'live', undefined)
    for await (const line of this.#texts(response)) {
      // There are events of one kind alone, whose data is a line.
      if (!line.startsWith(begin)) continue
      yield this.#parsed(line.slice(begin.length), response) as LiveStatus
    }
    throw this.#lost(undefined)
  }

  async *#lines(response: IncomingMessage): AsyncIterable<unknown> {
    for await (const line of this.#texts(response)) yield this.#parsed(line, response)
  }

  #parsed(json: string, response: IncomingMessage): unknown {
    try {
      return JSON.parse(json)
    } catch (cause) {
      throw this.#foreign(response, cause)
    }
  }

  /** Lines but empty ones, which only show that the daemon is there. */
  async *#texts(response: IncomingMessage): AsyncIterable<string> {
    let rest = ''
    try {
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line) yield line
      }
    } catch (cause) {
      throw this.#lost(cause)
    }
  }

  async #read(response: IncomingMessage): Promise<string> {
    try {
      return await text(response)
    } catch (cause) {
      throw this.#lost(cause)
    }
  }

  #lost(cause: unknown): AdminError {
    return new AdminError('unavailable', `the daemon at ${this.#url} went away`, { cause })
  }
}

function faultIn(text: string): ApiFault | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: Partial<ApiFault> }
    const { code, message } = error ?? {}
    return code !== undefined && message !== undefined ? { code, message } : undefined
  } catch {
    // Not JSON, so not from the daemon.
    return undefined
  }
}
