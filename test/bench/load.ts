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

/** The same for large bodies, with a client that has the kernel drop them. */
export async function drain(
  job: Omit<LoadJob, 'method' | 'headers'>,
): Promise<Omit<LoadResult, 'p99Ms'>> {
  const client = fileURLToPath(new URL('drain.py', import.meta.url))
  return run(['python3', client, JSON.stringify({ ...job, headers: '' })])
}

async function run<Result extends { failures: number }>([
  file = '',
  ...args
]: string[]): Promise<Result> {
  const { stdout } = await promisify(execFile)(file, args)
  const result = JSON.parse(stdout) as Result
  if (result.failures > 0) throw new Error(`${result.failures} requests failed: ${args.at(-1)}`)
  return result
}
