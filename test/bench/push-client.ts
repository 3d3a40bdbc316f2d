import { createHash } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { PushJob, PushResult } from './push.ts'

/*
 * A process that pushes blobs that nobody has seen, as docker does: POST, one PATCH, PUT. What it
 * pushes is made and hashed before the clock starts.
 */

const job = JSON.parse(process.argv[2] ?? '') as PushJob
const agent = new Agent({ keepAlive: true, maxSockets: job.connections })
const filling = Buffer.alloc(job.sizeBytes, createHash('sha512').update(job.seed).digest())

/** The same bytes but for the first, which are the blob's own. */
const blobs = Array.from({ length: job.count }, (_, index) => {
  const start = createHash('sha256').update(`${job.seed} ${index}`).digest()
  const rest = filling.subarray(start.length)
  const digest = `sha256:${createHash('sha256').update(start).update(rest).digest('hex')}`
  return { start, rest, digest }
})

interface Reply {
  status: number
  location: string
}

function ask(method: string, path: string, body: Buffer[] = []): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const length = body.reduce((sum, part) => sum + part.length, 0)
  const headers = { 'Content-Length': length, 'Content-Type': 'application/octet-stream' }
  const options = { host: '127.0.0.1', port: job.port, agent, method, path, headers }
  const outgoing = request(options, (incoming) => {
    incoming.resume()
    incoming.on('end', () => {
      const { pathname, search } = new URL(incoming.headers.location ?? '/', 'http://a')
      resolve({ status: incoming.statusCode ?? 0, location: pathname + search })
    })
  })
  outgoing.on('error', reject)
  for (const part of body) outgoing.write(part)
  outgoing.end()
  return promise
}

async function push({ start, rest, digest }: (typeof blobs)[number]): Promise<void> {
  const opened = await ask('POST', `/v2/${job.repository}/blobs/uploads/`)
  const sent = await ask('PATCH', opened.location, [start, rest])
  const join = sent.location.includes('?') ? '&' : '?'
  const put = await ask('PUT', `${sent.location}${join}digest=${digest}`)
  const statuses = [opened.status, sent.status, put.status]
  if (statuses.join() !== '202,202,201') throw new Error(`answered ${statuses.join()}`)
}

async function pushInTurn(): Promise<void> {
  for (let blob = blobs.pop(); blob; blob = blobs.pop()) await push(blob)
}

const cpuBefore = process.cpuUsage()
const startedMs = performance.now()
await Promise.all(Array.from({ length: job.connections }, pushInTurn))
const { user, system } = process.cpuUsage(cpuBefore)
const result: PushResult = {
  bytes: job.count * job.sizeBytes,
  seconds: (performance.now() - startedMs) / 1000,
  clientCpuSeconds: (user + system) / 1e6,
}
process.stdout.write(JSON.stringify(result), () => process.exit())
