import { isatty } from 'node:tty'
import { pino, type Logger } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { describeError } from './describe-error.ts'
import { LineBuffer } from './line-buffer.ts'
import { RecentErrors } from './recent-errors.ts'

export type { Logger } from 'pino'

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** auto: pretty where the lines go to a terminal, JSON elsewhere. */
type LogFormat = 'auto' | 'pretty' | 'json'

export interface LoggerOptions {
  level: LogLevel
  format: LogFormat
  /** Where lines go: a file descriptor (standard output where left out) or a path. */
  to?: number | string
}

/** Disposing writes what is buffered. */
export interface OpenLogger extends AsyncDisposable {
  logger: Logger
  /** Of what `level` lets through. */
  recentErrors: RecentErrors
}

const SECRET = '[secret]'
const STDOUT = 1

/**
 * Secrets are kept out by what events take; these keys are censored on top of that. A serializer
 * costs nothing on lines without its key; pino's `redact` with wildcards makes every line four
 * times as dear.
 */
const serializers = {
  error: describeError,
  authorization: () => SECRET,
  password: () => SECRET,
  token: () => SECRET,
}

export function createLogger({ level, format, to = STDOUT }: LoggerOptions): OpenLogger {
  const isTerminal = typeof to === 'number' && isatty(to)
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal)
  const lines = new LineBuffer(to, isPretty ? prettifier(isTerminal) : (line) => line)
  const recentErrors = new RecentErrors()
  const write = (line: string) => {
    recentErrors.hear(line)
    lines.write(line)
  }
  const logger = pino(
    { level, base: null, serializers, formatters: { level: (label) => ({ level: label }) } },
    { write },
  )
  return { logger, recentErrors, [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose]() }
}

function prettifier(colorize: boolean): (line: string) => string {
  return prettyFactory({ colorize, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' })
}
