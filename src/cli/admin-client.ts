import type { ApiFault, WorkLine, WorkName, WorkProgress, Works } from '../admin-api.ts'
import type { LiveStatus } from '../admin-daemon.ts'
import { fetchFailure } from './fetch-failure.ts'

/** No daemon was there; the token was wrong; the request was wrong; the daemon refused or failed. */
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

export interface WorkListener<Item> {
  onProgress: (progress: WorkProgress) => void
  onItem: (item: Item) => void
}

type Method = 'GET' | 'POST' | 'DELETE'

/** The admin API of a running daemon. Everything that fails is an AdminError. */
export class AdminClient {
  readonly #url: string
  readonly #token: string | undefined
  readonly #signal: AbortSignal | undefined

  /** `url` is that of the admin listener; the signal ends all requests. */
  constructor(url: string, token: string | undefined, signal?: AbortSignal) {
    this.#url = url.replace(/\/+$/, '')
    this.#token = token
    this.#signal = signal
  }

  /** Paths are relative to `/api/v1/`. An answer without a body is `undefined`. */
  async ask<T>(method: Method, path: string, body?: object): Promise<T> {
    const response = await this.#send(method, path, body)
    if (response.status === 204) return undefined as T
    return (await this.#read(() => response.json())) as T
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
      else return line.result
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

  async #send(method: Method, path: string, body: object | undefined): Promise<Response> {
    let response: Response
    try {
      response = await fetch(`${this.#url}/api/v1/${path}`, {
        method,
        redirect: 'manual',
        ...(this.#signal && { signal: this.#signal }),
        headers: {
          ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
    } catch (cause) {
      const reason = fetchFailure(cause)
      const message = `no daemon answers at ${this.#url} (${reason}): is entrepot serve running?`
      throw new AdminError('unavailable', message, { cause })
    }
    if (response.ok) return response
    const fault = faultIn(await this.#read(() => response.text()))
    if (fault) throw this.#refusal(fault)
    const what = `is not the admin listener of entrepot (${response.status})`
    throw new AdminError('unavailable', `what answers at ${this.#url} ${what}`)
  }

  #refusal({ code, message }: ApiFault): AdminError {
    const failure = FAILURES[code] ?? 'failure'
    if (failure !== 'denied') return new AdminError(failure, message)
    const what = this.#token === undefined ? 'asks for a token' : 'has another token'
    return new AdminError(failure, `the daemon at ${this.#url} ${what}: see admin.token`)
  }

  /** How things stand, at once and each second, until the daemon goes away, which is a failure. */
  async *live(): AsyncIterable<LiveStatus> {
    const begin = 'data: '
    for await (const line of this.#texts(await this.#send('GET', 'live', undefined))) {
      // There are events of one kind alone, whose data is a line.
      if (line.startsWith(begin)) yield JSON.parse(line.slice(begin.length)) as LiveStatus
    }
    throw this.#lost(undefined)
  }

  async *#lines(response: Response): AsyncIterable<unknown> {
    for await (const line of this.#texts(response)) yield JSON.parse(line) as unknown
  }

  /** Lines but empty ones, which only show that the daemon is there. */
  async *#texts({ body }: Response): AsyncIterable<string> {
    const decoder = new TextDecoder()
    let rest = ''
    try {
      for await (const chunk of body ?? []) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line) yield line
      }
    } catch (cause) {
      throw this.#lost(cause)
    }
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
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
