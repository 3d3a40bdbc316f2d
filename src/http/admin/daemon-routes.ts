import type { ConfigReport, ErrorEntry, ErrorList } from '../../admin-daemon.ts'
import type { RecentError, RecentErrors } from '../../telemetry/recent-errors.ts'
import type { Paths } from '../paths.ts'

/** What there is to know of the daemon itself. */
export function addDaemonRoutes(
  paths: Paths,
  config: () => ConfigReport,
  recentErrors: Pick<RecentErrors, 'list'>,
): void {
  paths.get('/config', (context) => {
    context.body = config()
  })
  paths.get('/errors', (context) => {
    context.body = { errors: recentErrors.list().map(errorEntry) } satisfies ErrorList
  })
}

function errorEntry({ firstAtMs, lastAtMs, ...error }: RecentError): ErrorEntry {
  return {
    ...error,
    firstAt: new Date(firstAtMs).toISOString(),
    lastAt: new Date(lastAtMs).toISOString(),
  }
}
