import { Connection, headerOf, type Answer } from './connection.ts'
import type { PullJob, PullResult } from './pull.ts'

/*
 * A process that pulls as many clients do: `/v2/` and the token where it asks for one, the
 * manifest by its tag, then config and layers, three at a time. Bytes are counted and dropped.
 */

const ACCEPT =
  'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json\r\n'
const PARALLEL = 3

class PullClient {
  readonly #job: PullJob
  readonly #idle = new Map<number, Connection[]>()
  #authorization = ''
  bytes = 0
  firstLayerByteMs: number | undefined

  constructor(job: PullJob) {
    this.#job = job
  }

  async pull(): Promise<void> {
    const { repository, tag } = this.#job
    const ping = await this.#getFrom(this.#job.port, '/v2/', '')
    if (ping.status === 401) this.#authorization = await this.#authorizationFor(ping)
    const manifest = await this.#get(`/v2/${repository}/manifests/${tag}`)
    const { config, layers } = JSON.parse(manifest.body) as Record<'config', { digest: string }> &
      Record<'layers', { digest: string }[]>
    const queue = [...layers, config]
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const answer = await this.#get(`/v2/${repository}/blobs/${next.digest}`)
        this.firstLayerByteMs = Math.min(this.firstLayerByteMs ?? Infinity, answer.firstByteMs)
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, worker))
  }

  close(): void {
    for (const connection of [...this.#idle.values()].flat()) connection.close()
  }

  async #get(path: string): Promise<Answer> {
    let answer = await this.#getFrom(this.#job.port, path, ACCEPT + this.#authorization)
    if (answer.status === 307) {
      const url = new URL(headerOf(answer.head, 'location') ?? '')
      answer = await this.#getFrom(Number(url.port), url.pathname, '')
    }
    if (answer.status !== 200) throw new Error(`${answer.status} for ${path}: ${answer.body}`)
    this.bytes += answer.bodyBytes
    return answer
  }

  async #authorizationFor(challenged: Answer): Promise<string> {
    const challenge = headerOf(challenged.head, 'www-authenticate') ?? ''
    const url = new URL(/realm="([^"]+)"/.exec(challenge)?.[1] ?? '')
    const answer = await this.#getFrom(Number(url.port), url.pathname, '')
    return `Authorization: Bearer ${(JSON.parse(answer.body) as { token: string }).token}\r\n`
  }

  async #getFrom(port: number, path: string, headers: string): Promise<Answer> {
    const idle = this.#idle.get(port) ?? []
    this.#idle.set(port, idle)
    const connection = idle.pop() ?? new Connection(port)
    try {
      const answer = await connection.get(path, headers)
      idle.push(connection)
      return answer
    } catch (error) {
      connection.close()
      throw error
    }
  }
}

async function run(job: PullJob): Promise<PullResult> {
  const clients = Array.from({ length: job.clients }, () => new PullClient(job))
  const startedMs = performance.now()
  const outcomes = await Promise.allSettled(clients.map((client) => client.pull()))
  const wallMs = performance.now() - startedMs
  for (const client of clients) client.close()
  const errors = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [String(outcome.reason)] : [],
  )
  const bytes = clients.reduce((sum, client) => sum + client.bytes, 0)
  const firstLayerByteMs = (clients[0]?.firstLayerByteMs ?? NaN) - startedMs
  return { wallMs, bytes, firstLayerByteMs, failures: errors.length, errors: errors.slice(0, 3) }
}

process.stdout.write(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '') as PullJob)))
