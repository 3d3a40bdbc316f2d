import type { Router } from '@koa/router'
import type { ConfigReport, ErrorEntry, ErrorList } from '../../admin-daemon.ts'
import type { RecentError, RecentErrors } from '../../telemetry/recent-errors.ts'
import type { HttpState } from '../exchange.ts'

/** What there is to know of the daemon itself. */
export function addDaemonRoutes(
  router: Router<HttpState>,
  config: () => ConfigReport,
  recentErrors: Pick<RecentErrors, 'list'>,
): void {
  router.get('/config', (context) => {
    context.body = config()
  })
  router.get('/errors', (context) => {
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
