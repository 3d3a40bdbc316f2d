import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { ConfigError } from '../config/config-error.ts'
import { AdminError } from './admin-client.ts'
import { printError } from './output.ts'

/** What the process ends with; from 64 on as in BSD's sysexits. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 64,
  unavailable: 69,
  denied: 77,
  config: 78,
  interrupted: 130,
  unread: 141,
} as const

/** The command was called wrongly. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A signal has ended the command before it was done. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'

  /** `advice` says how it is done after all. */
  constructor(advice: string) {
    super(`interrupted; ${advice}`)
  }
}

/** The command has done its work, and told of something that is not as it should be. */
export class FindingsError extends Error {
  override readonly name = 'FindingsError'
}

/** Names of errors that no part of ours throws on purpose. */
const UNFORESEEN = new Set(['Error', 'TypeError', 'RangeError', 'SyntaxError', 'ReferenceError'])

/** Whether nothing here throws it on purpose, nor the system. */
export function isUnforeseen(error: unknown): boolean {
  return error instanceof Error && UNFORESEEN.has(error.name) && !('syscall' in error)
}

/** Tells why a command failed and returns what the process is to end with. */
export function reportFailure(error: unknown): number {
  // Commander has told already, or was only asked for help or the version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof ConfigError) {
    printError(error.message)
    return EXIT.config
  }
  if (error instanceof UsageError) {
    printError(`entrepot: ${error.message}`)
    return EXIT.usage
  }
  printError(`entrepot: ${failureText(error)}`)
  if (error instanceof InterruptedError) return EXIT.interrupted
  return error instanceof AdminError ? EXIT[error.failure] : EXIT.failure
}

/**
 * Ends the process when its output has no reader any more, as `head` leaves it, or cannot be
 * written: nobody would learn of the rest.
 */
export function endWithOutput(): void {
  process.stdout.on('error', endUnread)
  process.stderr.on('error', endUnread)
}

function endUnread(error: NodeJS.ErrnoException): never {
  process.exit(error.code === 'EPIPE' ? EXIT.unread : reportFailure(error))
}

/** Of failures that we know the message, which says enough; of others everything there is. */
function failureText(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error)
  return isUnforeseen(error) ? inspect(error) : error.message
}
