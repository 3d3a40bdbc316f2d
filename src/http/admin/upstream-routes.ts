import type { Router } from '@koa/router'
import type { UpstreamEntry, UpstreamList, UpstreamTestResult } from '../../admin-upstreams.ts'
import type { HttpState } from '../exchange.ts'
import { ApiError } from './api-error.ts'
import { readBody } from './json-body.ts'
import { upstreamTestBody } from './parameters.ts'

/** What operators may know of an upstream. */
export interface ReportedUpstream {
  entry: () => UpstreamEntry
  test: (signal: AbortSignal) => Promise<UpstreamTestResult>
}

const TEST_DEADLINE_MS = 30_000

export function addUpstreamRoutes(
  router: Router<HttpState>,
  upstreams: ReadonlyMap<string, ReportedUpstream>,
): void {
  router.get('/upstreams', (context) => {
    context.body = { upstreams: upstreamEntries(upstreams) } satisfies UpstreamList
  })
  router.post('/upstreams/test', async (context) => {
    const { name } = await readBody(context, upstreamTestBody)
    const upstream = upstreams.get(name)
    if (!upstream) throw new ApiError('NOT_FOUND', `there is no upstream ${name}`)
    context.body = await upstream.test(AbortSignal.timeout(TEST_DEADLINE_MS))
  })
}

export function upstreamEntries(upstreams: ReadonlyMap<string, ReportedUpstream>): UpstreamEntry[] {
  return [...upstreams.values()].map((upstream) => upstream.entry())
}
