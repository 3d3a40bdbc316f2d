import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AdminJob, AdminRequest, AdminResult } from './admin-load.ts'

/*
 * A process that is told live how things stand. When it is told so, it asks the admin API for one
 * thing after the other, at even distances whether or not the last was answered. Whatever is not a
 * whole 200 answer counts as a failure.
 */

const job = JSON.parse(process.argv[2] ?? '') as AdminJob
const LINE_FEED = 0x0a
const agent = new Agent({ keepAlive: true })
const latenciesMs: number[] = []
let bytes = 0
let failures = 0

function ask({ method, path, body, lines = Infinity }: AdminRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const askedMs = performance.now()
  const fail = () => {
    failures++
    resolve()
  }
  const finish = () => {
    latenciesMs.push(performance.now() - askedMs)
    resolve()
  }
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' }
  const asked = request(
    { agent, host: '127.0.0.1', port: job.port, method, path: `/api/v1/${path}`, headers },
    (answer) => {
      let left = lines
      if (answer.statusCode !== 200) failures++
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        left -= chunk.filter((byte) => byte === LINE_FEED).length
        if (left > 0) return
        answer.off('error', fail)
        answer.destroy()
        finish()
      })
      answer.on('error', fail)
      answer.on('end', finish)
    },
  )
  asked.on('error', fail)
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  return promise
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
