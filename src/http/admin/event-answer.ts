import { once } from 'node:events'
import type { EventLine } from '../../admin-api.ts'
import type { ContentEvent } from '../../telemetry/content-event.ts'
import type { ContentFeed, FeedListener } from '../../telemetry/content-feed.ts'
import { abortable } from '../../util/abortable.ts'
import type { Context } from '../exchange.ts'

/** So many wait for a listener who reads slowly; those after them are missed, which it is told. */
const MAX_WAITING = 1000
/** After this long an empty line is sent, so that nobody on the way takes the connection for dead. */
const SILENT_FOR_MS = 10_000

/**
 * Answers with a line of JSON for each event from now on, until the client leaves: `{event}`, and
 * `{missed}` with how many it was too slow for.
 */
export async function answerEvents(context: Context, feed: ContentFeed): Promise<void> {
  const { res, state } = context
  const { signal } = state.exchange
  const waiting = new WaitingEvents()
  using _listening = feed.listen(waiting)
  context.respond = false
  res.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' })
  res.flushHeaders()
  const timer = setInterval(() => waiting.wake(), SILENT_FOR_MS)
  try {
    for (;;) {
      const text = await waiting.take(signal)
      if (!res.write(text)) await once(res, 'drain', { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    clearInterval(timer)
  }
}

class WaitingEvents implements FeedListener {
  #events: ContentEvent[] = []
  #missed = 0
  #woken = Promise.withResolvers<void>()

  wants(): boolean {
    return true
  }

  tell(event: ContentEvent): void {
    if (this.#events.length < MAX_WAITING) this.#events.push(event)
    else this.#missed++
    this.wake()
  }

  /** Nothing of it outlives the connection. */
  settle(): Promise<void> {
    return Promise.resolve()
  }

  wake(): void {
    this.#woken.resolve()
  }

  /** Waits for events; an empty line where there was only a wake. */
  async take(signal: AbortSignal): Promise<string> {
    await abortable(this.#woken.promise, signal)
    this.#woken = Promise.withResolvers()
    const lines: EventLine<ContentEvent>[] = this.#events.map((event) => ({ event }))
    if (this.#missed > 0) lines.push({ missed: this.#missed })
    this.#events = []
    this.#missed = 0
    return lines.length > 0 ? lines.map((line) => `${JSON.stringify(line)}\n`).join('') : '\n'
  }
}
