import { pino } from 'pino'
import { apiErrors, type Tell, tellWith } from '../../../src/http/admin/api-errors.ts'
import { baseApp } from '../../../src/http/base-app.ts'
import type { Middleware } from '../../../src/http/exchange.ts'
import { type HttpServer, listen } from '../../../src/http/server.ts'
import { describeError } from '../../../src/telemetry/describe-error.ts'
import { Events } from '../../../src/telemetry/events.ts'
import { Metrics } from '../../../src/telemetry/metrics.ts'

/** The frame of the admin listener around the parts that a test is about. */
export interface SmallApp extends AsyncDisposable {
  server: HttpServer
  readiness: { isReady: boolean }
  /** Messages of the log so far. */
  logged: string[]
}

export async function startSmallApp(
  parts: (tell: Tell) => readonly Middleware[],
): Promise<SmallApp> {
  const logged: string[] = []
  const write = (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg)
  const events = new Events(
    pino({ level: 'debug', serializers: { error: describeError } }, { write }),
    new Metrics(),
  )
  const readiness = { isReady: true }
  const app = baseApp(events)
  const tell = tellWith(events, () => readiness.isReady)
  app.use(apiErrors(tell))
  for (const part of parts(tell)) app.use(part)
  const server = await listen(app, { host: '127.0.0.1', port: 0 })
  return { server, readiness, logged, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}
