import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { readBody } from '../../../src/http/admin/json-body.ts'
import { evictBody } from '../../../src/http/admin/parameters.ts'
import type { Context } from '../../../src/http/exchange.ts'
import { ask } from '../mirror.ts'
import { startSmallApp, type SmallApp } from './small-app.ts'

async function echo(context: Context): Promise<void> {
  context.body = await readBody(context, evictBody)
}

function startEcho(): Promise<SmallApp> {
  return startSmallApp(() => [echo])
}

async function post(body: string, type = 'application/json') {
  await using app = await startEcho()
  const answer = await ask(app.server, '/', {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  })
  return { status: answer.status, body: JSON.parse(answer.body.toString()) as object }
}

test('a body is read', async () => {
  expect(await post('{"dryRun":true,"toBytes":5}')).toEqual({
    status: 200,
    body: { dryRun: true, toBytes: 5 },
  })
})

test('an empty one leaves everything out', async () => {
  expect(await post('', 'Application/JSON; charset=utf-8')).toEqual({
    status: 200,
    body: { dryRun: false },
  })
})

test.each(['', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])(
  'the type "%s" is refused: a page may send it anywhere',
  async (type) => {
    expect(await post('{}', type)).toMatchObject({
      status: 415,
      body: { error: { code: 'UNSUPPORTED_TYPE' } },
    })
  },
)

test.each([
  ['{', 'the body is not JSON'],
  ['[]', 'Invalid input: expected object, received array'],
  ['{"toBytes":-1}', 'toBytes: Too small: expected number to be >=0'],
  ['{"toBytes":"5"}', 'toBytes: Invalid input: expected number, received string'],
  ['{"drYrun":true}', 'Unrecognized key: "drYrun"'],
])('%s is refused', async (body, message) => {
  expect(await post(body)).toEqual({ status: 400, body: { error: { code: 'INVALID', message } } })
})

test('one that is too long is refused', async () => {
  expect(await post(`{"x":"${'y'.repeat(2_000_000)}"}`)).toMatchObject({
    status: 413,
    body: { error: { code: 'TOO_LARGE' } },
  })
})

test('one without an end is refused before its end', async () => {
  await using app = await startEcho()
  const socket = connect(app.server.port, app.server.host)
  await once(socket, 'connect')
  socket.write(
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
      `Transfer-Encoding: chunked\r\n\r\n150000\r\n${'y'.repeat(0x150000)}\r\n`,
  )
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 413 /)
})
