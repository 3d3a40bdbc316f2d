/** Warnings and errors of one kind, which differ in time and details alone. */
export interface RecentError {
  level: 'warn' | 'error' | 'fatal'
  /** What the log says. */
  message: string
  count: number
  firstAtMs: number
  lastAtMs: number
  /** Of the last one, as the log has them. */
  details: Record<string, unknown>
}

const MAX_KINDS = 100

/** They come from closed sets, and tell kinds apart beside the message. */
const TELLING = ['upstream', 'endpoint', 'job', 'operation', 'webhook', 'status']

interface Line {
  level: RecentError['level']
  time: number
  msg: string
}

/**
 * The last kinds of warnings and errors that were logged, each with how often it came, in bounded
 * memory however many there are.
 */
export class RecentErrors {
  /** What came last stands last. */
  readonly #byKind = new Map<string, RecentError>()

  /** Takes a line of the log, which is JSON and begins with its level. */
  hear(text: string): void {
    if (!/^\{"level":"(?:warn|error|fatal)"/.test(text)) return
    const { level, time, msg: message, ...details } = JSON.parse(text) as Line
    const kind = kindOf(level, message, details)
    const { count = 0, firstAtMs = time } = this.#byKind.get(kind) ?? {}
    this.#byKind.delete(kind)
    this.#byKind.set(kind, { level, message, count: count + 1, firstAtMs, lastAtMs: time, details })
    const [oldest] = this.#byKind.keys()
    if (this.#byKind.size > MAX_KINDS && oldest !== undefined) this.#byKind.delete(oldest)
  }

  /** What came last comes first. */
  list(): RecentError[] {
    return [...this.#byKind.values()].reverse()
  }
}

function kindOf(level: string, message: string, details: Record<string, unknown>): string {
  const request = details['request'] as Record<string, unknown> | undefined
  return JSON.stringify([level, message, ...TELLING.map((key) => (request ?? details)[key])])
}
