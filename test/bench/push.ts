import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface PushJob {
  port: number
  repository: string
  /** Blobs of different seeds are different. */
  seed: string
  sizeBytes: number
  count: number
  connections: number
}

export interface PushResult {
  bytes: number
  seconds: number
  clientCpuSeconds: number
}

/** Pushes new blobs, from a process of its own. */
export async function push(job: PushJob): Promise<PushResult> {
  const client = fileURLToPath(new URL('push-client.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [client, JSON.stringify(job)])
  return JSON.parse(stdout) as PushResult
}
