import type { WebhookStats } from './admin-stats.ts'
import type { WebhookConfig } from './config/webhooks.ts'
import type { Inventory } from './inventory/inventory.ts'
import type { ContentFeed } from './telemetry/content-feed.ts'
import type { WebhookEvents } from './telemetry/webhook-events.ts'
import type { Clock } from './util/clock.ts'
import { globPattern } from './util/glob.ts'
import { VERSION } from './version.ts'
import { EventQueue } from './webhook/event-queue.ts'
import { Webhook } from './webhook/webhook.ts'

interface WebhooksParts {
  inventory: Inventory
  feed: ContentFeed
  clock: Clock
  events: WebhookEvents
}

/** The webhooks of a configuration, which listen from now on until they are disposed. */
export interface Webhooks extends AsyncDisposable {
  stats(): WebhookStats[]
}

/** Queues of webhooks that are no longer configured go. Throws InventoryError. */
export async function openWebhooks(
  configs: readonly WebhookConfig[],
  { inventory, feed, clock, events }: WebhooksParts,
): Promise<Webhooks> {
  await using parts = new AsyncDisposableStack()
  for (const { webhook, lastPosition } of await inventory.eventQueues()) {
    const isKnown = configs.some(({ name }) => name === webhook)
    if (!isKnown) await inventory.dropEvents(webhook, lastPosition)
  }
  const webhooks: Webhook[] = []
  for (const { name, repositories, headers, secret, timeoutMs, maxEvents, ...config } of configs) {
    const options = { webhook: name, inventory, maxEvents, clock, events }
    const webhook = new Webhook({
      ...config,
      name,
      repositories: repositories.map(globPattern),
      sender: {
        url: config.url,
        headers: Object.fromEntries(headers.map((header) => [header.name, header.value.reveal()])),
        secret: secret?.reveal(),
        timeoutMs,
        userAgent: `entrepot/${VERSION}`,
      },
      queue: await EventQueue.open(options),
      clock,
      events,
    })
    parts.use(webhook)
    parts.use(feed.listen(webhook))
    webhooks.push(webhook)
  }
  const running = parts.move()
  return {
    stats: () => webhooks.map((webhook) => webhook.stats()),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}
