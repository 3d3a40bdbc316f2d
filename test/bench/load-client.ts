import { connect } from 'node:net'
import type { LoadJob, LoadResult } from './load.ts'

/*
 * A process that asks for one thing over and over on many connections for a while. Bodies are read
 * into one buffer and dropped; whatever is not a whole 200 answer counts as a failure.
 */

const buffer = Buffer.allocUnsafeSlow(256 * 1024)
const END_OF_HEAD = Buffer.from('\r\n\r\n')

const job = JSON.parse(process.argv[2] ?? '') as LoadJob
const request = Buffer.from(
  `${job.method} ${job.path} HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\n${job.headers}\r\n`,
)
let requests = 0
let bytes = 0
let failures = 0
const latenciesMs: number[] = []

/** The size of the whole answer whose start is in the buffer. */
function answerBytesOf(length: number): number {
  const end = buffer.subarray(0, length).indexOf(END_OF_HEAD)
  const head = buffer.toString('latin1', 0, end === -1 ? length : end)
  const bodyBytes = /^content-length: (\d+)/im.exec(head)?.[1]
  if (end === -1 || bodyBytes === undefined || !head.startsWith('HTTP/1.1 200 ')) {
    failures++
    return Infinity
  }
  return end + END_OF_HEAD.length + (job.method === 'HEAD' ? 0 : Number(bodyBytes))
}

function open(): void {
  let leftBytes = 0
  let askedMs = 0
  const ask = () => {
    askedMs = performance.now()
    socket.write(request)
  }
  const socket = connect({
    host: '127.0.0.1',
    port: job.port,
    noDelay: true,
    onread: {
      buffer,
      callback(length) {
        if (leftBytes === 0) leftBytes = answerBytesOf(length)
        leftBytes -= length
        bytes += length
        if (leftBytes === 0) {
          requests++
          latenciesMs.push(performance.now() - askedMs)
          ask()
        }
        return true
      },
    },
  })
  socket.on('error', () => failures++)
  socket.on('connect', ask)
}

const startedMs = performance.now()
for (let count = 0; count < job.connections; count++) open()
setTimeout(() => {
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage()
  const result: LoadResult = {
    requests,
    bytes,
    failures,
    seconds,
    clientCpuSeconds: (user + system) / 1e6,
    p99Ms: latenciesMs.toSorted((a, b) => a - b)[Math.floor(latenciesMs.length * 0.99)] ?? NaN,
  }
  process.stdout.write(JSON.stringify(result), () => process.exit())
}, job.windowMs)
