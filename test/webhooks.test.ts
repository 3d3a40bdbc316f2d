import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { WebhookStats } from '../src/admin-stats.ts'
import type { WebhookConfig } from '../src/config/webhooks.ts'
import { Secret } from '../src/config/secret.ts'
import type { Inventory } from '../src/inventory/inventory.ts'
import { InventoryError } from '../src/inventory/inventory-error.ts'
import { openSqliteInventory } from '../src/inventory/sqlite.ts'
import type { ContentAction } from '../src/telemetry/content-event.ts'
import { ContentFeed } from '../src/telemetry/content-feed.ts'
import { Metrics } from '../src/telemetry/metrics.ts'
import { WebhookEvents } from '../src/telemetry/webhook-events.ts'
import { openWebhooks } from '../src/webhooks.ts'
import { eventually } from './support/eventually.ts'
import { FakeClock } from './support/fake-clock.ts'
import { stepped } from './support/stepped.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { startWebhookReceiver, type WebhookReceiver } from './support/webhook-receiver.ts'

const MAX_PAUSE_MS = 60_000

interface RigOptions {
  config?: Partial<WebhookConfig>
  inventory?: Inventory
}

interface Rig extends AsyncDisposable {
  feed: ContentFeed
  clock: FakeClock
  metrics: Metrics
  messages: string[]
  stats(): WebhookStats
  /** Tells of pushes of these tags; the last is written down then. */
  push(...tags: string[]): Promise<void>
  /** Lets pauses pass until it is so. */
  pass(what: string, isSo: () => boolean): Promise<void>
}

async function startRig(receiver: WebhookReceiver, options: RigOptions = {}): Promise<Rig> {
  await using parts = new AsyncDisposableStack()
  const inventory = options.inventory ?? parts.use(await openSqliteInventory(':memory:'))
  const feed = new ContentFeed()
  const clock = new FakeClock()
  const metrics = new Metrics()
  const messages: string[] = []
  const write = (line: string) => void messages.push((JSON.parse(line) as { msg: string }).msg)
  const events = new WebhookEvents(pino({}, { write }), metrics)
  const config: WebhookConfig = {
    name: 'ci',
    url: receiver.url,
    actions: ['push', 'delete'],
    repositories: ['**'],
    headers: [],
    timeoutMs: 10_000,
    pauseMs: 1000,
    maxPauseMs: MAX_PAUSE_MS,
    maxEvents: 1000,
    ...options.config,
  }
  const webhooks = parts.use(await openWebhooks([config], { inventory, feed, clock, events }))
  const running = parts.move()
  return {
    feed,
    clock,
    metrics,
    messages,
    stats: () => webhooks.stats()[0]!,
    async push(...tags) {
      for (const tag of tags) tell(feed, 'push', tag)
      await feed.settle()
    },
    pass: (what, isSo) =>
      eventually(what, () => {
        if (isSo()) return true
        clock.advance(MAX_PAUSE_MS)
        return false
      }).then(() => undefined),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}

function tell(feed: ContentFeed, action: ContentAction, tag: string, repository = 'app'): void {
  feed.tell({ action, registry: 'private', repository, tag, digest: `sha256:${tag}` })
}

describe('a webhook', () => {
  test('gets events in their order, in the envelope of distribution', async () => {
    await using receiver = await startWebhookReceiver()
    await using rig = await startRig(receiver)
    await rig.push('1')
    await eventually('the first', () => receiver.taken.length === 1)
    await rig.push('2', '3')
    await rig.push('4')
    await eventually('all', () => receiver.taken.length === 4)
    expect(receiver.taken).toEqual(['1', '2', '3', '4'])
    const [{ headers, body, events } = expect.fail()] = receiver.envelopes
    expect(headers).toMatchObject({
      'content-type': 'application/vnd.docker.distribution.events.v1+json',
      'user-agent': expect.stringMatching(/^entrepot\//),
    })
    expect(headers).not.toHaveProperty('x-entrepot-signature-256')
    expect(JSON.parse(body)).toEqual({ events })
    expect(events[0]).toMatchObject({
      action: 'push',
      target: { repository: 'private/app', tag: '1', digest: 'sha256:1' },
      request: { id: '', method: '', useragent: '' },
    })
    await eventually('it is told', () => rig.stats().delivered === 4)
    expect(rig.stats()).toEqual({
      name: 'ci',
      state: 'idle',
      queued: 0,
      delivered: 4,
      failed: 0,
      dropped: 0,
    })
    expect(rig.metrics.webhookEvents.total('outcome', 'delivered')).toBe(4)
  })

  test('can tell by the signature and the headers who has sent them', async () => {
    await using receiver = await startWebhookReceiver()
    const headers = [{ name: 'Authorization', value: new Secret('Bearer hush') }]
    await using rig = await startRig(receiver, { config: { headers, secret: new Secret('key') } })
    await rig.push('1')
    await eventually('it', () => receiver.envelopes.length === 1)
    const [{ headers: sent, body } = expect.fail()] = receiver.envelopes
    expect(sent.authorization).toBe('Bearer hush')
    const signature = createHmac('sha256', 'key').update(body).digest('hex')
    expect(sent['x-entrepot-signature-256']).toBe(`sha256=${signature}`)
  })

  test('gets what it wants alone', async () => {
    await using receiver = await startWebhookReceiver()
    const config = { actions: ['push', 'delete'] as const, repositories: ['private/team/**'] }
    await using rig = await startRig(receiver, {
      config: { ...config, actions: [...config.actions] },
    })
    expect(rig.feed.wants('pull')).toBe(false)
    tell(rig.feed, 'push', 'elsewhere', 'app')
    tell(rig.feed, 'pull', 'pulled', 'team/app')
    tell(rig.feed, 'delete', 'gone', 'team/app')
    tell(rig.feed, 'push', 'new', 'team/a/b')
    await rig.feed.settle()
    await eventually('both', () => receiver.taken.length === 2)
    expect(receiver.taken).toEqual(['gone', 'new'])
  })

  test.each([
    ['answers 500', 500],
    ['answers 401', 401],
    ['redirects', 307],
    ['cuts the connection', 'cut'],
    ['says nothing', 'silence'],
  ] as const)('that %s gets the same again, and then what has come since', async (_, reaction) => {
    await using receiver = await startWebhookReceiver()
    await using rig = await startRig(receiver, { config: { timeoutMs: 200 } })
    receiver.reaction = reaction
    await rig.push('1', '2')
    await eventually('it fails', () => rig.stats().state === 'failing')
    await rig.push('3')
    await rig.pass('it fails again', () => rig.stats().failed >= 3)
    expect(receiver.taken).toEqual([])
    expect(rig.stats()).toMatchObject({ queued: 3, delivered: 0, dropped: 0 })
    receiver.reaction = 200
    await rig.pass('all', () => rig.stats().delivered === 3)
    expect(receiver.taken).toEqual(['1', '2', '3'])
    expect(rig.stats()).toMatchObject({ state: 'idle', queued: 0 })
    expect(rig.messages).toEqual(['webhook takes no events', 'webhook takes events again'])
  })

  test('that is not there is asked more and more seldom', async () => {
    const receiver = await startWebhookReceiver()
    await receiver[Symbol.asyncDispose]()
    await using rig = await startRig(receiver)
    await rig.push('1')
    await rig.pass('it has failed often', () => rig.stats().failed >= 8)
    await eventually('it pauses', () => rig.clock.sleeping === 1)
    const failed = rig.stats().failed
    // Nobody asks while time stands still.
    await rig.push('2')
    expect(rig.stats()).toMatchObject({ failed, queued: 2, state: 'failing' })
  })

  test('gets after a restart what it has not taken before', async () => {
    await using receiver = await startWebhookReceiver()
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'inventory.db')
    receiver.reaction = 503
    {
      await using inventory = await openSqliteInventory(path)
      await using rig = await startRig(receiver, { inventory })
      await rig.push('1', '2')
      await eventually('it fails', () => rig.stats().state === 'failing')
      // Written when it stops.
      tell(rig.feed, 'delete', '3')
    }
    receiver.reaction = 200
    await using inventory = await openSqliteInventory(path)
    await using rig = await startRig(receiver, { inventory })
    await eventually('all', () => rig.stats().queued === 0)
    await rig.push('4')
    await eventually('the last', () => receiver.taken.length === 4)
    expect(receiver.taken).toEqual(['1', '2', '3', '4'])
  })

  test('loses the oldest when too many wait', async () => {
    await using receiver = await startWebhookReceiver()
    receiver.reaction = 503
    await using rig = await startRig(receiver, { config: { maxEvents: 3 } })
    await rig.push('1')
    await rig.push('2', '3')
    expect(rig.stats()).toMatchObject({ queued: 3, dropped: 0 })
    await rig.push('4')
    await rig.push('5', '6', '7', '8', '9')
    expect(rig.stats()).toMatchObject({ queued: 3, dropped: 6 })
    expect(rig.metrics.webhookEvents.total('outcome', 'dropped')).toBe(6)
    receiver.reaction = 200
    await rig.pass('the rest', () => rig.stats().queued === 0)
    expect(receiver.taken).toEqual(['7', '8', '9'])
  })

  test('that is no longer configured is forgotten', async () => {
    await using receiver = await startWebhookReceiver()
    await using inventory = await openSqliteInventory(':memory:')
    await inventory.queueEvents([{ webhook: 'former', position: 1, event: '{}' }])
    await using _rig = await startRig(receiver, { inventory })
    expect(await inventory.eventQueues()).toEqual([])
  })
})

describe('events', () => {
  test('that nobody waits for are written together', async () => {
    await using receiver = await startWebhookReceiver()
    await using sqlite = await openSqliteInventory(':memory:')
    let writes = 0
    const inventory = stepped(sqlite, {
      queueEvents: (run) => {
        writes++
        return run()
      },
    })
    await using rig = await startRig(receiver, { inventory, config: { actions: ['pull'] } })
    for (let count = 0; count < 250; count++) tell(rig.feed, 'pull', `${count}`)
    expect(writes).toBe(0)
    await rig.pass('all', () => receiver.taken.length === 250)
    expect(writes).toBe(1)
    // A hundred in one envelope at most.
    expect(receiver.envelopes.map(({ events }) => events.length)).toEqual([100, 100, 50])
  })

  test('are written soon, also those that come in the moment when others have been', async () => {
    await using receiver = await startWebhookReceiver()
    await using sqlite = await openSqliteInventory(':memory:')
    let told = 0
    const tellAfter = async (turns: number) => {
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      tell(rig.feed, 'pull', `${told++}`)
    }
    const inventory = stepped(sqlite, {
      queueEvents: async (run) => {
        await run()
        if (told <= 30) void tellAfter(told)
      },
    })
    await using rig = await startRig(receiver, { inventory, config: { actions: ['pull'] } })
    await tellAfter(0)
    await rig.pass('all', () => receiver.taken.length === 31)
  })

  test('are kept in memory while the inventory cannot be written, and no push fails for it', async () => {
    await using receiver = await startWebhookReceiver()
    await using sqlite = await openSqliteInventory(':memory:')
    let isFull = true
    const inventory = stepped(sqlite, {
      queueEvents: (run) => (isFull ? Promise.reject(new InventoryError('disk is full')) : run()),
    })
    await using rig = await startRig(receiver, { inventory })
    await rig.push('1')
    await rig.push('2')
    expect(rig.stats()).toMatchObject({ queued: 2, state: 'idle' })
    expect(rig.messages).toEqual(['events are not written down'])
    isFull = false
    await rig.pass('both', () => receiver.taken.length === 2)
    expect(receiver.taken).toEqual(['1', '2'])
  })
})
