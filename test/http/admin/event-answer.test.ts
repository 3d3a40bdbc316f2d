import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import type { EventLine } from '../../../src/admin-api.ts'
import { answerEvents } from '../../../src/http/admin/event-answer.ts'
import type { ContentEvent } from '../../../src/telemetry/content-event.ts'
import { ContentFeed } from '../../../src/telemetry/content-feed.ts'
import { eventually } from '../../support/eventually.ts'
import { startSmallApp, type SmallApp } from './small-app.ts'

type Line = EventLine<ContentEvent>

const push = { action: 'push', registry: 'private', repository: 'app' } as const

async function listen({ server }: SmallApp): Promise<IncomingMessage> {
  const outgoing = request({ host: server.host, port: server.port, agent: false })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<Line, undefined> {
  let rest = ''
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as Line
  }
  return undefined
}

test('each event is a line, for all who listen, until they leave', async () => {
  const feed = new ContentFeed()
  await using app = await startSmallApp(() => [(context) => answerEvents(context, feed)])
  expect(feed.wants('pull')).toBe(false)
  const responses = [await listen(app), await listen(app)]
  expect(responses[0]?.headers['content-type']).toBe('application/x-ndjson')
  for (const tag of ['1', '2']) feed.tell({ ...push, tag })
  for (const response of responses) {
    const lines = linesOf(response)
    for (const tag of ['1', '2']) {
      const event = { action: 'push', target: { repository: 'private/app', tag } }
      expect((await lines.next()).value).toMatchObject({ event })
    }
    // Leaves.
    await lines.return(undefined)
  }
  await eventually('nobody listens', () => !feed.wants('pull'))
  expect(app.logged).not.toContain('request failed')
})

test('who reads too slowly is told how many it has missed', async () => {
  const feed = new ContentFeed()
  await using app = await startSmallApp(() => [(context) => answerEvents(context, feed)])
  const response = await listen(app)
  for (let count = 0; count < 1500; count++) feed.tell({ ...push, tag: `${count}` })
  const tags: (string | undefined)[] = []
  for await (const line of linesOf(response)) {
    if ('missed' in line) {
      expect(line.missed).toBe(500)
      break
    }
    tags.push(line.event.target.tag)
  }
  expect(tags).toEqual(Array.from({ length: 1000 }, (_, index) => `${index}`))
})
