import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface PullJob {
  port: number
  repository: string
  tag: string
  /** How many pull the image at once. */
  clients: number
}

export interface PullResult {
  wallMs: number
  bytes: number
  /** From the start of the pull to the first byte of a layer, of the first client. */
  firstLayerByteMs: number
  failures: number
  errors: string[]
}

/** Pulls in a process of its own; its start is not in the times. */
export async function pull(job: Omit<PullJob, 'tag'>): Promise<PullResult> {
  const path = fileURLToPath(new URL('pull-client.ts', import.meta.url))
  const argument = JSON.stringify({ ...job, tag: 'latest' })
  const { stdout } = await promisify(execFile)(process.execPath, [path, argument])
  return JSON.parse(stdout) as PullResult
}
