import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import type { WorkListener } from '../../../src/cache/operations.ts'
import { ApiError } from '../../../src/http/admin/api-error.ts'
import { answerWork } from '../../../src/http/admin/work-answer.ts'
import { StoreError } from '../../../src/store/store-error.ts'
import { eventually } from '../../support/eventually.ts'
import { ask } from '../mirror.ts'
import { startSmallApp, type SmallApp } from './small-app.ts'

type Work = (listener: WorkListener<object>) => Promise<unknown>

function startWork(work: Work): Promise<SmallApp> {
  return startSmallApp((tell) => [(context) => answerWork(context, tell, work)])
}

async function linesOf(work: Work): Promise<unknown[]> {
  await using app = await startWork(work)
  const { status, headers, body } = await ask(app.server, '/', { method: 'POST' })
  expect(status).toBe(200)
  expect(headers['content-type']).toBe('application/x-ndjson')
  const lines = body.toString().trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as unknown)
}

/** The answer to a request, whose body is read by whoever asked. */
async function begin({ server }: SmallApp): Promise<IncomingMessage> {
  const outgoing = request({ host: server.host, port: server.port, method: 'POST', agent: false })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

test('the result is the last line, after the items', async () => {
  const lines = await linesOf(async ({ item }) => {
    await item({ name: 'a' })
    await item({ name: 'b' })
    return { count: 2 }
  })
  expect(lines).toEqual([
    { item: { name: 'a' } },
    { item: { name: 'b' } },
    { result: { count: 2 } },
  ])
})

test('the headers are there before the work has got anywhere', async () => {
  const gate = Promise.withResolvers<void>()
  await using app = await startWork(() => gate.promise)
  const response = await begin(app)
  expect(response.statusCode).toBe(200)
  gate.resolve()
  response.resume()
  await once(response, 'close')
})

test('of progress only the latest is told', async () => {
  const told = Promise.withResolvers<void>()
  await using app = await startWork(async ({ progress }) => {
    for (let done = 0; done <= 1000; done++) progress({ done, total: undefined, unit: 'images' })
    await told.promise
    return {}
  })
  const response = await begin(app)
  const [chunk] = (await once(response, 'data')) as [Buffer]
  expect(JSON.parse(chunk.toString())).toEqual({
    progress: { done: 1000, total: null, unit: 'images' },
  })
  told.resolve()
  await once(response, 'close')
})

describe('work that fails', () => {
  test('says why where it is known', async () => {
    const failures = [
      new ApiError('CONFLICT', 'not twice'),
      new StoreError('io', 'cannot read the disk'),
    ]
    for (const failure of failures) {
      expect(await linesOf(() => Promise.reject(failure))).toEqual([
        { error: { code: expect.any(String) as string, message: failure.message } },
      ])
    }
  })

  test('because the daemon is stopping is no failure', async () => {
    const gate = Promise.withResolvers<void>()
    await using app = await startWork(() => gate.promise)
    const response = await begin(app)
    app.readiness.isReady = false
    gate.reject(new Error('aborted'))
    expect(await json(response)).toEqual({
      error: { code: 'STOPPING', message: 'the daemon is stopping' },
    })
    expect(app.logged).not.toContain('request failed')
  })

  test('tells the log what nobody foresaw', async () => {
    await using app = await startWork(() => Promise.reject(new TypeError('secret of ours')))
    const { body } = await ask(app.server, '/', { method: 'POST' })
    expect(JSON.parse(body.toString())).toEqual({
      error: { code: 'FAILED', message: 'the daemon failed' },
    })
    expect(app.logged).toContain('request failed')
  })
})

describe('a caller that leaves', () => {
  test('ends the waiting and is no failure', async () => {
    const left = Promise.withResolvers<void>()
    await using app = await startWork(async ({ signal }) => {
      await once(signal, 'abort')
      left.resolve()
      signal.throwIfAborted()
    })
    const response = await begin(app)
    response.destroy()
    await left.promise
    await eventually('the access line', () => app.logged.includes('request'))
    expect(app.logged).not.toContain('request failed')
  })

  test('or reads slowly holds items back, not in memory', async () => {
    let items = 0
    const MANY = 100_000
    await using app = await startWork(async ({ item }) => {
      for (; items < MANY; items++) await item({ name: 'x'.repeat(1000) })
    })
    const response = await begin(app)
    let before = -1
    await eventually('no more items are taken', () => {
      const isStill = items === before && items > 0
      before = items
      return isStill
    })
    expect(items).toBeLessThan(MANY)
    response.destroy()
  })
})
