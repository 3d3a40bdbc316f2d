import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface LoadJob {
  port: number
  method: 'GET' | 'HEAD'
  path: string
  /** Each ended by CRLF. */
  headers: string
  connections: number
  windowMs: number
}

/** What is asked beside pulls. */
export interface Asking {
  port: number
  /** Asked in turn, */
  mix: readonly AskedRequest[]
  /** so many in all, at even distances over the window. */
  count: number
  /** How many connections are told what `listenTo` tells, which has no end. */
  listeners: number
  listenTo: string
}

export interface AskedRequest {
  method: 'GET' | 'POST'
  path: string
  /** JSON, or empty. */
  body: string
}

export interface LoadResult {
  /** Whole answers. */
  requests: number
  /** Of bodies, those cut by the end of the window too. */
  bytes: number
  failures: number
  seconds: number
  clientCpuSeconds: number
  /** From a request to the end of its answer, for the slowest of 100 requests. */
  p99Ms: number
}

/** Asks for one thing over and over, from a process of its own. */
export async function load(job: LoadJob): Promise<LoadResult> {
  const client = fileURLToPath(new URL('load-client.ts', import.meta.url))
  return run<LoadResult>([process.execPath, client, JSON.stringify(job)])
}

export interface DrainJob extends Omit<LoadJob, 'method' | 'headers'> {
  asking?: Asking | undefined
}

export interface DrainResult extends Omit<LoadResult, 'p99Ms'> {
  /** As `p99Ms`, of what was asked beside; `null` where nothing was. */
  askedP99Ms: number | null
}

/** The same for large bodies, with a client that has the kernel drop them. */
export async function drain(job: DrainJob): Promise<DrainResult> {
  const client = fileURLToPath(new URL('drain.py', import.meta.url))
  return run(['python3', client, JSON.stringify({ ...job, headers: '' })])
}

async function run<Result extends { failures: number }>([
  file = '',
  ...args
]: string[]): Promise<Result> {
  const { stdout, stderr } = await promisify(execFile)(file, args)
  const result = JSON.parse(stdout) as Result
  if (result.failures > 0)
    throw new Error(`${result.failures} requests failed: ${stderr || args.at(-1)}`)
  return result
}
