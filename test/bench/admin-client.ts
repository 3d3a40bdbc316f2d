import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdminJob, AdminRequest, AdminResult } from './admin-load.ts'
import { Connection } from './connection.ts'

/*
 * A process that is told live how things stand. When it is told so, it asks the admin API for one
 * thing after the other, at even distances whether or not the last was answered. Whatever is not a
 * whole 200 answer counts as a failure. Bare sockets, since what it takes of the CPU, pulls lack.
 */

const job = JSON.parse(process.argv[2] ?? '') as AdminJob
/** Each gets its turn, so that none is closed for having been silent. */
const idle: Connection[] = []
const latenciesMs: number[] = []
let bytes = 0
let failures = 0

async function ask({ method, path, body }: AdminRequest): Promise<void> {
  const connection = idle.shift() ?? new Connection(job.port)
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = text && `Content-Type: application/json\r\nContent-Length: ${text.length}\r\n`
  const askedMs = performance.now()
  try {
    const answer = await connection.ask(method, `/api/v1/${path}`, headers, text)
    latenciesMs.push(performance.now() - askedMs)
    bytes += answer.bodyBytes
    if (answer.status !== 200) failures++
    idle.push(connection)
  } catch {
    failures++
  }
}

function listen(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const asked = request({ host: '127.0.0.1', port: job.port, path: '/api/v1/live' })
  asked.on('error', reject)
  asked.on('response', (answer) => {
    answer.resume()
    if (answer.statusCode === 200) resolve()
    else reject(new Error(`live: ${answer.statusCode}`))
  })
  asked.end()
  return promise
}

await Promise.all(Array.from({ length: job.listeners }, listen))
process.send!('ready')
await once(process, 'message')
const startedMs = performance.now()
const answers: Promise<void>[] = []
for (let index = 0; index < job.count; index++) {
  const dueMs = (index * job.windowMs) / job.count
  await sleep(Math.max(0, startedMs + dueMs - performance.now()))
  answers.push(ask(job.mix[index % job.mix.length]!))
}
await Promise.all(answers)
const result: AdminResult = {
  requests: latenciesMs.length,
  bytes,
  failures,
  seconds: (performance.now() - startedMs) / 1000,
  p99Ms: latenciesMs.toSorted((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)] ?? NaN,
}
process.send!(result)
