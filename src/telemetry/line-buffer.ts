import { once } from 'node:events'
import { destination } from 'pino'

const FLUSH_BYTES = 64 * 1024
const FLUSH_AFTER_MS = 100
/** Past this lines are dropped: who reads them has stopped, and the daemon goes on. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024

/**
 * Gathers log lines and writes them in large pieces: one write a line would cost more than the
 * answer that it tells of. A line is late by 100 ms at most, and at exit what is left is written.
 */
export class LineBuffer implements AsyncDisposable {
  readonly #format: (line: string) => string
  readonly #destination: ReturnType<typeof destination>
  readonly #flushAtExit = () => {
    this.#flush()
    if (!this.#isBroken) this.#destination.flushSync()
  }
  #pending = ''
  #isBroken = false
  #timer: NodeJS.Timeout | undefined

  constructor(to: number | string, format: (line: string) => string) {
    this.#format = format
    this.#destination = destination({ dest: to, sync: false, maxLength: MAX_PENDING_BYTES })
    // A reader that went away or a full disk ends the log, not the daemon.
    this.#destination.on('error', () => (this.#isBroken = true))
    process.once('exit', this.#flushAtExit)
  }

  write(line: string): void {
    this.#pending += this.#format(line)
    if (this.#pending.length >= FLUSH_BYTES) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_AFTER_MS).unref()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush()
    process.off('exit', this.#flushAtExit)
    if (this.#isBroken) return
    const closed = once(this.#destination, 'close')
    this.#destination.end()
    await closed
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pending === '') return
    this.#destination.write(this.#pending)
    this.#pending = ''
  }
}
