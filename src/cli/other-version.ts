import type { Command } from 'commander'
import { VERSION } from '../version.ts'
import { AdminError, type AdminFailure } from './admin-client.ts'
import { adminClient } from './admin-options.ts'
import { isUnforeseen } from './failure.ts'

/**
 * What a command has failed with, and the versions of both sides where it and its daemon are of
 * different ones and may not have understood each other.
 */
export async function withVersions(error: unknown, command: Command | undefined): Promise<unknown> {
  const isRefused = error instanceof AdminError && REFUSALS.has(error.failure)
  if (!isRefused && !isUnforeseen(error)) return error
  if (!command || !talksToDaemon(command)) return error
  let version: string
  try {
    const client = await adminClient(command.opts())
    version = await client.version()
  } catch (failure) {
    return isRefused ? error : failure
  }
  if (version === VERSION) return error
  const versions = `the daemon is version ${version}, and this is ${VERSION}`
  if (isRefused) return new AdminError(error.failure, `${error.message}: ${versions}`)
  const message = `what the daemon answers is not understood: ${versions}`
  return new AdminError('failure', message, { cause: error })
}

/** Of a daemon that was there, and has let us ask. */
const REFUSALS: ReadonlySet<AdminFailure> = new Set(['usage', 'failure'])

function talksToDaemon(command: Command): boolean {
  return command.options.some(({ long }) => long === '--admin')
}
