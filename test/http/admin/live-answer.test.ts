import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import type { LiveStatus } from '../../../src/admin-daemon.ts'
import { answerLive, LiveEvents } from '../../../src/http/admin/live-answer.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { stats } from './admin-rig.ts'
import { startSmallApp, type SmallApp } from './small-app.ts'

const status: LiveStatus = { stats, jobs: [], upstreams: [] }

async function listen({ server }: SmallApp): Promise<IncomingMessage> {
  const outgoing = request({ host: server.host, port: server.port, agent: false })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

async function* eventsOf(response: IncomingMessage): AsyncGenerator<string, undefined> {
  let rest = ''
  for await (const chunk of response) {
    const events = (rest + String(chunk)).split('\n\n')
    rest = events.pop() ?? ''
    yield* events
  }
  return undefined
}

function startLive(read: () => Promise<LiveStatus>, clock: FakeClock): Promise<SmallApp> {
  const events = new LiveEvents(read, clock)
  return startSmallApp((tell) => [(context) => answerLive(context, tell, events)])
}

test('how things stand is told at once and each second, read once for all who look', async () => {
  const clock = new FakeClock()
  let reads = 0
  const read = () => Promise.resolve({ ...status, stats: { ...stats, uptimeMs: ++reads } })
  await using app = await startLive(read, clock)
  const told: AsyncGenerator<string, undefined>[] = []
  for (let client = 0; client < 2; client++) {
    const response = await listen(app)
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    })
    told.push(eventsOf(response))
  }
  for (const uptimeMs of [1, 2, 3]) {
    for (const events of told) {
      const { value } = await events.next()
      expect(value).toMatch(/^event: status\ndata: \{/)
      expect(value).toContain(`"uptimeMs":${uptimeMs},`)
    }
    await eventually('both wait', () => clock.sleeping === 2)
    clock.advance(1000)
  }
})

test('ends with its client', async () => {
  const clock = new FakeClock()
  await using app = await startLive(() => Promise.resolve(status), clock)
  const response = await listen(app)
  await eventually('it waits', () => clock.sleeping === 1)
  response.destroy()
  await eventually('nobody waits', () => clock.sleeping === 0)
  expect(app.logged).not.toContain('request failed')
})

test('what fails at first is a refusal', async () => {
  await using app = await startLive(() => Promise.reject(new Error('locked')), new FakeClock())
  expect((await listen(app)).statusCode).toBe(500)
  expect(app.logged).toContain('request failed')
})

test('what fails later cuts the answer', async () => {
  const clock = new FakeClock()
  const answers = [() => Promise.resolve(status), () => Promise.reject(new Error('locked'))]
  await using app = await startLive(() => answers.shift()!(), clock)
  const response = await listen(app)
  await eventually('it waits', () => clock.sleeping === 1)
  clock.advance(1000)
  await expect(Array.fromAsync(eventsOf(response))).rejects.toThrow('aborted')
  expect(app.logged).toContain('request failed')
})
