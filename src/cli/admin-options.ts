import type { Command } from 'commander'
import { type FlagValue, loadAdminAccess } from '../config/load.ts'
import { localUrl } from '../util/listen-url.ts'
import { AdminClient } from './admin-client.ts'
import { UsageError } from './failure.ts'

export interface AdminOptions {
  config?: string
  admin?: string
  adminCa?: string
  adminCert?: string
  adminKey?: string
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
    .option('--admin-ca <file>', 'Authorities to believe, in PEM, where its URL is https.')
    .option('--admin-cert <file>', 'Certificate to show to it, in PEM.')
    .option('--admin-key <file>', 'Key of that certificate, in PEM.')
    .option('--json', 'Print JSON.')
}

/**
 * A client of the daemon that runs with this configuration; the signal ends its requests. Throws
 * ConfigError and UsageError.
 */
export async function adminClient(
  { config, admin, adminCa, adminCert, adminKey }: AdminOptions,
  signal?: AbortSignal,
): Promise<AdminClient> {
  const flags = clientFlags({ ca: adminCa, cert: adminCert, key: adminKey })
  const { host, port, token, tls, client } = await loadAdminAccess({ file: config, flags })
  if (admin !== undefined && !/^https?:$/.test(URL.parse(admin)?.protocol ?? '')) {
    throw new UsageError(`--admin takes a URL, for example http://127.0.0.1:5001, not ${admin}`)
  }
  if (admin === undefined && port === 0) {
    throw new UsageError('the daemon listens on any free port (admin.port is 0): see --admin')
  }
  const { ca, cert, key } = client
  return new AdminClient(admin ?? localUrl({ host, port, scheme: tls ? 'https' : 'http' }), {
    token: token?.reveal(),
    tls: { ca: ca?.pem.reveal(), cert: cert?.pem.reveal(), key: key?.pem.reveal() },
    signal,
  })
}

function clientFlags(files: Record<'ca' | 'cert' | 'key', string | undefined>): FlagValue[] {
  return Object.entries(files).flatMap(([name, text]) =>
    text === undefined ? [] : [{ flag: `--admin-${name}`, path: ['admin', 'client', name], text }],
  )
}
