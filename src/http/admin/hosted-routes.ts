import type { Router } from '@koa/router'
import type { GarbageEntry, GarbageResult, RollbackResult } from '../../admin-api.ts'
import type { GarbageFinding } from '../../hosted/garbage-finding.ts'
import type { HostedOperations } from '../../hosted/hosted-operations.ts'
import type { Routes } from '../../policy/routes.ts'
import type { HttpState } from '../exchange.ts'
import { ApiError } from './api-error.ts'
import type { Tell } from './api-errors.ts'
import { garbageEntry, tagEntry } from './entries.ts'
import { readBody } from './json-body.ts'
import { gcBody, rollbackBody } from './parameters.ts'
import { placeNamed, tagNamed, textOf } from './tag-routes.ts'
import { answerWork } from './work-answer.ts'

/** What was pushed. Without `hosted` there is none of it. */
export function addHostedRoutes(
  router: Router<HttpState>,
  hosted: HostedOperations | undefined,
  routes: Routes,
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
  router.post('/rollback', async (context) => {
    const { reference, to } = await readBody(context, rollbackBody)
    const name = tagNamed(reference, routes)
    const target = { ...name, to: to === undefined ? undefined : placeNamed('to', to) }
    const result = await enabled(hosted).rollback(target, context.state.exchange.signal)
    if (!result) throw new ApiError('CONFLICT', `${textOf(name)} is mirrored: freeze it instead`)
    if (result.outcome !== 'back') throw REFUSALS[result.outcome](textOf(name))
    context.body = { ...tagEntry(name), digest: result.digest } satisfies RollbackResult
  })
}

const REFUSALS = {
  unknown: (name: string) =>
    new ApiError('NOT_FOUND', `the history of ${name} knows of nothing to go back to there`),
  gone: (name: string) =>
    new ApiError('CONFLICT', `${name} cannot go back: what it stood for was deleted`),
  immutable: (name: string) => new ApiError('CONFLICT', `${name} is immutable`),
}

function enabled(hosted: HostedOperations | undefined): HostedOperations {
  if (hosted) return hosted
  throw new ApiError('CONFLICT', 'nothing is hosted here: see hosted.enabled')
}
