import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { listen } from '../../src/http/server.ts'
import { Routes } from '../../src/policy/routes.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { openGate } from '../support/open-gate.ts'
import { bytesOf } from '../support/images.ts'
import { eventually } from '../support/eventually.ts'
import { repository, startMirror, type TestMirror } from './mirror.ts'

let mirror: TestMirror

beforeEach(async () => {
  mirror = await startMirror()
})

afterEach(() => mirror[Symbol.asyncDispose]())

const later = () => new AbortController()

async function openSocket(): Promise<Socket> {
  const socket = connect(mirror.server.port, mirror.server.host)
  await once(socket, 'connect')
  return socket
}

test('a port that is taken is an error, not a daemon that hears nothing', async () => {
  const { host, port } = mirror.server
  const app = createApp({
    routes: new Routes([]),
    hosted: undefined,
    gate: openGate,
    events: mirror.events,
    isReady: () => true,
  })
  await expect(listen(app, { host, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('a TLS hello on the plain port is answered 400 and closed at once', async () => {
  const socket = await openSocket()
  socket.write(Buffer.from('16030100c8010000c40303', 'hex'))
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close/)
})

test('draining refuses new connections and ends idle ones', async () => {
  const agent = new Agent({ keepAlive: true })
  const { host, port } = mirror.server
  const outgoing = request({ host, port, path: '/v2/', agent }).end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  await text(response)
  const closed = once(outgoing.socket!, 'close')
  await mirror.server.drain(later().signal)
  await closed
  await expect(mirror.ask('/v2/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('draining lets running answers finish, and ends their connections then', async () => {
  const gate = Promise.withResolvers<void>()
  mirror.hub.before = () => gate.promise
  const agent = new Agent({ keepAlive: true })
  const { host, port } = mirror.server
  const outgoing = request({ host, port, path: '/v2/demo/manifests/1', agent }).end()
  await eventually('the source is asked', () => mirror.hub.asked.length > 0)
  const drained = mirror.server.drain(later().signal)
  gate.resolve()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  await text(response)
  expect(response.complete).toBe(true)
  await drained
})

test('past the deadline running answers are cut', async () => {
  const bytes = bytesOf('long', 30_000_000)
  mirror.hub.addBlob(repository, digestOf(bytes), bytes)
  const { host, port } = mirror.server
  const path = `/v2/library/demo/blobs/${digestOf(bytes)}`
  const outgoing = request({ host, port, path, agent: false }).end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const deadline = later()
  const drained = mirror.server.drain(deadline.signal)
  deadline.abort()
  await drained
  await expect(text(response)).rejects.toMatchObject({ code: 'ECONNRESET' })
  await eventually('the body is disposed', () => mirror.hub.openBodies === 0)
})

test('a deadline that has passed already cuts at once', async () => {
  const socket = await openSocket()
  const closed = once(socket, 'close')
  socket.resume().on('error', () => {})
  await mirror.server.drain(AbortSignal.abort())
  await closed
})

test('disposing twice, and after draining, is fine', async () => {
  await mirror.server.drain(later().signal)
  await mirror.server[Symbol.asyncDispose]()
  await mirror.server[Symbol.asyncDispose]()
})

test.each([
  ['a length, and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
  ['two lengths', ['Content-Length: 0', 'Content-Length: 4']],
  ['a length that is none', ['Content-Length: +0']],
  ['a coding that nobody knows', ['Transfer-Encoding: xchunked']],
  ['chunks twice', ['Transfer-Encoding: chunked, chunked']],
  ['a name with a space', ['Content-Length : 0']],
  ['a line that goes on', ['Transfer-Encoding:', ' chunked']],
])('a request that a proxy could read otherwise is refused: %s', async (_, headers) => {
  const socket = await openSocket()
  const request = ['POST /v2/ HTTP/1.1', 'Host: localhost', ...headers]
  const hidden = ['GET /v2/library/demo/manifests/hidden HTTP/1.1', 'Host: localhost']
  socket.write([...request, '', '0', '', ...hidden, '', ''].join('\r\n'))
  const answered = await text(socket)
  expect(answered).toMatch(/^HTTP\/1\.1 400 /)
  expect(answered.split('HTTP/1.1 ')).toHaveLength(2)
  expect(mirror.hub.asked).toEqual([])
})

test('a body that is not read is no request', async () => {
  const socket = await openSocket()
  const hidden = 'GET /v2/library/demo/manifests/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n'
  for (const method of ['GET', 'POST', 'DELETE']) {
    const length = `Content-Length: ${hidden.length}`
    socket.write(`${method} /v2/ HTTP/1.1\r\nHost: localhost\r\n${length}\r\n\r\n${hidden}`)
  }
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect((await text(socket)).match(/HTTP\/1\.1 \d+/g)).toEqual([
    'HTTP/1.1 200',
    'HTTP/1.1 405',
    'HTTP/1.1 405',
    'HTTP/1.1 200',
  ])
  expect(mirror.hub.asked).toEqual([])
})
