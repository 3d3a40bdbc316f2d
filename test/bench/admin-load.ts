import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface AdminRequest {
  method: 'GET' | 'POST'
  /** Below `/api/v1/`. */
  path: string
  body?: object
  /** After so many lines of the answer the client leaves. */
  lines?: number
}

export interface AdminJob {
  port: number
  /** Asked in turn, */
  mix: readonly AdminRequest[]
  /** so many in all, at even distances over the window. */
  count: number
  windowMs: number
  /** How many connections are told of events meanwhile. */
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

/** Asks the admin API from a process of its own. */
export async function askAdmin(job: AdminJob): Promise<AdminResult> {
  const client = fileURLToPath(new URL('admin-client.ts', import.meta.url))
  const args = [client, JSON.stringify(job)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const result = JSON.parse(stdout) as AdminResult
  if (result.failures > 0) throw new Error(`${result.failures} admin requests failed`)
  return result
}
