import { once } from 'node:events'
import { connect } from 'node:net'
import { pino } from 'pino'
import { beforeEach, expect, test } from 'vitest'
import { baseApp } from '../../src/http/base-app.ts'
import { listen } from '../../src/http/server.ts'
import { Events } from '../../src/telemetry/events.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'

let messages: string[]
let events: Events

beforeEach(() => {
  messages = []
  const write = (line: string) => void messages.push((JSON.parse(line) as { msg: string }).msg)
  events = new Events(pino({}, { write }), new Metrics())
})

test('a connection that cannot be taken in is told of, and does not end the process', () => {
  baseApp(events).emit('error', new Error('accept EMFILE'))
  expect(messages).toEqual(['connection failed'])
})

test('an error past the last middleware is told of while the client is there', async () => {
  const app = baseApp(events)
  app.use((context) => {
    context.res.on('finish', () => context.onerror(new Error('late')))
    context.body = 'ok'
  })
  await using server = await listen(app, { host: '127.0.0.1', port: 0 })
  const socket = connect(server.port, server.host)
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.destroy()
  expect(messages).toContain('request failed')
})
