import type { Command } from 'commander'
import { loadAdminConfig } from '../config/load.ts'
import { localUrl } from '../util/listen-url.ts'
import { AdminClient } from './admin-client.ts'
import { UsageError } from './failure.ts'

export interface AdminOptions {
  config?: string
  admin?: string
  json?: true
}

/** What every command takes that talks to a running daemon. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('--config <file>', 'Configuration file of the daemon; ENTREPOT_CONFIG where left out.')
    .option(
      '--admin <url>',
      'Admin listener of the daemon; that of the configuration where left out.',
    )
    .option('--json', 'Print JSON.')
}

/**
 * A client of the daemon that runs with this configuration; the signal ends its requests. Throws
 * ConfigError and UsageError.
 */
export async function adminClient(
  { config, admin }: AdminOptions,
  signal?: AbortSignal,
): Promise<AdminClient> {
  const { host, port, token } = await loadAdminConfig({ file: config })
  if (admin !== undefined && !/^https?:$/.test(URL.parse(admin)?.protocol ?? '')) {
    throw new UsageError(`--admin takes a URL, for example http://127.0.0.1:5001, not ${admin}`)
  }
  if (admin === undefined && port === 0) {
    throw new UsageError('the daemon listens on any free port (admin.port is 0): see --admin')
  }
  return new AdminClient(admin ?? localUrl({ host, port }), token?.reveal(), signal)
}
