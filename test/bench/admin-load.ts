import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface AdminRequest {
  method: 'GET' | 'POST'
  /** Below `/api/v1/`. */
  path: string
  body?: object
}

export interface AdminJob {
  port: number
  /** Asked in turn, */
  mix: readonly AdminRequest[]
  /** so many in all, at even distances over the window. */
  count: number
  windowMs: number
  /** How many connections are told live how things stand, by server-sent events. */
  listeners: number
}

export interface AdminResult {
  /** Whole answers. */
  requests: number
  bytes: number
  failures: number
  /** To the end of the last answer. */
  seconds: number
  /** From a request to the end of its answer, for the slowest of 100 requests. */
  p99Ms: number
}

/** A process that asks the admin API, and is told how things stand from its start on. */
export class AdminClient implements AsyncDisposable {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(job: AdminJob): Promise<AdminClient> {
    const path = fileURLToPath(new URL('admin-client.ts', import.meta.url))
    const child = fork(path, [JSON.stringify(job)])
    await once(child, 'message')
    return new AdminClient(child)
  }

  /** Asks for all of it, once. */
  async ask(): Promise<AdminResult> {
    this.#child.send('ask')
    const [result] = (await once(this.#child, 'message')) as [AdminResult]
    if (result.failures > 0) throw new Error(`${result.failures} admin requests failed`)
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill()
    await exited
  }
}
