import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { WorkListener } from '../../cache/operations.ts'
import { abortable } from '../../util/abortable.ts'
import type { Context } from '../exchange.ts'
import { faultOf, type Tell } from './api-errors.ts'
import { progressEntry } from './entries.ts'

/** No more than a person can follow. */
const LINES_EVERY_MS = 200
/** After this long an empty line is sent, so that nobody on the way takes the connection for dead. */
const SILENT_FOR_MS = 10_000

/**
 * Answers with a line of JSON for each thing that long work tells: `{progress}` and `{item}`, and
 * as the last `{result}` or `{error}`. The status is 200 before the work has begun.
 */
export async function answerWork<Item, Result>(
  context: Context,
  tell: Tell,
  work: (listener: WorkListener<Item>) => Promise<Result>,
): Promise<void> {
  const { res, state } = context
  const { signal } = state.exchange
  context.respond = false
  res.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' })
  res.flushHeaders()
  const lines = new Lines(res)
  try {
    signal.throwIfAborted()
    const begun = work({
      progress: (progress) => lines.sample({ progress: progressEntry(progress) }),
      item: (item) => lines.write({ item }, signal),
      signal,
    })
    const result = await abortable(begun, signal)
    lines.end({ result })
  } catch (error) {
    if (!signal.aborted) lines.end({ error: faultOf(tell(context, error)) })
  } finally {
    lines.stop()
  }
}

class Lines {
  readonly #res: ServerResponse
  readonly #timer: NodeJS.Timeout
  #sample: object | undefined
  #toldAtMs = performance.now()

  constructor(res: ServerResponse) {
    this.#res = res
    this.#timer = setInterval(() => this.#tellSample(), LINES_EVERY_MS)
  }

  sample(line: object): void {
    this.#sample = line
  }

  async write(line: object, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#tell(textOf(line))) return
    await once(this.#res, 'drain', { signal })
  }

  end(line: object): void {
    this.#res.end(textOf(line))
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tellSample(): void {
    if (this.#res.writableNeedDrain) return
    if (this.#sample) this.#tell(textOf(this.#sample))
    else if (performance.now() - this.#toldAtMs >= SILENT_FOR_MS) this.#tell('\n')
    this.#sample = undefined
  }

  #tell(text: string): boolean {
    this.#toldAtMs = performance.now()
    return this.#res.write(text)
  }
}

function textOf(line: object): string {
  return `${JSON.stringify(line)}\n`
}
