import { request, type IncomingHttpHeaders } from 'node:http'
import { pino } from 'pino'
import { createApp } from '../../src/http/app.ts'
import { listen, type HttpServer } from '../../src/http/server.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import type { Source } from '../../src/oci/source.ts'
import { Guard } from '../../src/policy/guard.ts'
import { Routes } from '../../src/policy/routes.ts'
import { Rules, type RulePatterns } from '../../src/policy/rules.ts'
import { describeError } from '../../src/telemetry/describe-error.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { openGate } from '../support/open-gate.ts'
import { eventually } from '../support/eventually.ts'
import { buildImage } from '../support/images.ts'
import { MemorySource } from '../support/memory-source.ts'

export const repository = parseRepository('library/demo')!
export const image = await buildImage({ seed: 'http' })

type LogLine = Record<string, unknown> & { msg: string }

/** The application on a real port over sources in memory; Docker Hub has `library/demo:1`. */
export interface TestMirror extends AsyncDisposable {
  server: HttpServer
  hub: MemorySource
  ghcr: MemorySource
  events: Events
  metrics: Metrics
  readiness: { isReady: boolean }
  logLines: LogLine[]
  /** What the access log tells of the `count`th request. */
  accessLine(count?: number): Promise<Record<string, unknown>>
  ask(path: string, options?: AskOptions): Promise<Answer>
}

export interface AskOptions {
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  /** False where the connection ended before the body did. */
  isComplete: boolean
}

export async function startMirror(
  rules: RulePatterns = { allow: ['**'], deny: [] },
): Promise<TestMirror> {
  const hub = new MemorySource()
  hub.add(repository, '1', image)
  const ghcr = new MemorySource()
  const logLines: LogLine[] = []
  const metrics = new Metrics()
  const write = (line: string) => void logLines.push(JSON.parse(line) as LogLine)
  const events = new Events(
    pino({ level: 'debug', serializers: { error: describeError } }, { write }),
    metrics,
  )
  const readiness = { isReady: true }
  const guarded = new Guard(hub, new Rules('docker.io', rules))
  const routes = new Routes<Source>([
    { name: 'docker.io', prefix: 'docker.io', hosts: [], isDefault: true, source: guarded },
    { name: 'ghcr.io', prefix: 'ghcr.io', hosts: ['ghcr.mirror'], isDefault: false, source: ghcr },
  ])
  const app = createApp({
    routes,
    hosted: undefined,
    gate: openGate,
    events,
    isReady: () => readiness.isReady,
  })
  const server = await listen(app, { host: '127.0.0.1', port: 0 })
  return {
    server,
    hub,
    ghcr,
    events,
    metrics,
    readiness,
    logLines,
    async accessLine(count = 1) {
      const line = await eventually(
        'an access line',
        () => logLines.filter(({ msg }) => msg === 'request')[count - 1],
      )
      return { ...(line['request'] as object), error: line['error'] }
    },
    ask: (path, options) => ask(server, path, options),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** One request on a connection of its own. The path goes out as it is. */
export function ask(
  { host, port }: Pick<HttpServer, 'host' | 'port'>,
  path: string,
  { method = 'GET', headers = {}, body }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      const end = () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          isComplete: response.complete,
        })
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('close', end)
      // A cut shows as an incomplete answer.
      response.on('error', () => {})
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** What of the headers depends on what was asked, not on the connection. */
export function contentHeadersOf(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { date: _date, connection: _connection, ...rest } = headers
  return rest
}

/** The code in an OCI error body. */
export function errorOf(answer: Answer): { code: string; message: string; detail?: unknown } {
  const { errors } = JSON.parse(answer.body.toString()) as {
    errors: { code: string; message: string }[]
  }
  return errors[0]!
}
