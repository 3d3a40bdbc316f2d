import type { Router } from '@koa/router'
import type { GarbageEntry, GarbageResult } from '../../admin-api.ts'
import type { GarbageFinding } from '../../hosted/garbage.ts'
import type { HostedOperations } from '../../hosted/hosted-operations.ts'
import type { HttpState } from '../exchange.ts'
import { ApiError } from './api-error.ts'
import type { Tell } from './api-errors.ts'
import { garbageEntry } from './entries.ts'
import { readBody } from './json-body.ts'
import { gcBody } from './parameters.ts'
import { answerWork } from './work-answer.ts'

/** What was pushed. Without `hosted` there is none of it. */
export function addHostedRoutes(
  router: Router<HttpState>,
  hosted: HostedOperations | undefined,
  tell: Tell,
): void {
  router.post('/gc', async (context) => {
    const { dryRun } = await readBody(context, gcBody)
    const operations = enabled(hosted)
    await answerWork<GarbageEntry, GarbageResult>(context, tell, (listener) => {
      const item = (finding: GarbageFinding) => listener.item(garbageEntry(finding))
      return operations.gc(dryRun, { ...listener, item })
    })
  })
}

function enabled(hosted: HostedOperations | undefined): HostedOperations {
  if (hosted) return hosted
  throw new ApiError('CONFLICT', 'nothing is hosted here: see hosted.enabled')
}
