import { once } from 'node:events'
import type { LiveStatus } from '../../admin-daemon.ts'
import type { Clock } from '../../util/clock.ts'
import type { Context } from '../exchange.ts'
import type { Tell } from './api-errors.ts'

const EVERY_MS = 1000
/** Those who look at about the same time are told the same. */
const SHARED_FOR_MS = EVERY_MS / 2

/** How things stand, as an event; made once for all who look. */
export class LiveEvents {
  readonly #read: () => Promise<LiveStatus>
  readonly #clock: Clock
  #last: { text: Promise<string>; atMs: number } | undefined

  constructor(read: () => Promise<LiveStatus>, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** Rejects with what reading rejects with. */
  current(): Promise<string> {
    const nowMs = this.#clock.now()
    if (!this.#last || Math.abs(nowMs - this.#last.atMs) >= SHARED_FOR_MS) {
      this.#last = { text: this.#event(), atMs: nowMs }
    }
    return this.#last.text
  }

  /** Rejects with the signal's reason. */
  async next(signal: AbortSignal): Promise<string> {
    await this.#clock.sleep(EVERY_MS, signal)
    return this.current()
  }

  async #event(): Promise<string> {
    return `event: status\ndata: ${JSON.stringify(await this.#read())}\n\n`
  }
}

/**
 * Answers with server-sent events (HTML, section 9.2), one at once and one each second until the
 * client leaves. Who reads slowly is told less often, and always of the present.
 */
export async function answerLive(context: Context, tell: Tell, events: LiveEvents): Promise<void> {
  const { res, state } = context
  const { signal } = state.exchange
  // What fails before the answer has begun is told as any failure.
  let text = await events.current()
  if (signal.aborted) return
  context.respond = false
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  try {
    for (;;) {
      if (!res.write(text)) await once(res, 'drain', { signal })
      text = await events.next(signal)
    }
  } catch (error) {
    if (signal.aborted) return
    tell(context, error)
    // Whoever listens comes again, and is told why it fails if it still does.
    res.destroy()
  }
}
