import type { Router } from '@koa/router'
import type { JobList, RemovableEntry } from '../../admin-api.ts'
import type { Operations, Removable, Removal } from '../../cache/operations.ts'
import type { Routes } from '../../policy/routes.ts'
import type { HttpState } from '../exchange.ts'
import type { Tell } from './api-errors.ts'
import { imageNamed } from './content-routes.ts'
import { jobEntry, removableEntry } from './entries.ts'
import { readBody } from './json-body.ts'
import { evictBody, purgeBody, scrubBody, sweepBody } from './parameters.ts'
import { answerWork } from './work-answer.ts'

/** Long work, and what runs by itself. */
export function addWorkRoutes(
  router: Router<HttpState>,
  operations: Operations,
  routes: Routes,
  tell: Tell,
): void {
  router.post('/evict', async (context) => {
    const { dryRun: isDryRun, toBytes } = await readBody(context, evictBody)
    await answerWork<RemovableEntry, Removal>(context, tell, (listener) => {
      // What really goes must not wait for a caller that reads slowly.
      const item = async (removable: Removable) => {
        if (isDryRun) await listener.item(removableEntry(removable))
      }
      return operations.evict({ isDryRun, toBytes }, { ...listener, item })
    })
  })
  router.post('/purge', async (context) => {
    const { reference } = await readBody(context, purgeBody)
    const target = imageNamed(reference, routes)
    await answerWork(context, tell, (listener) => operations.purge(target, listener))
  })
  router.post('/scrub', async (context) => {
    await readBody(context, scrubBody)
    await answerWork(context, tell, (listener) => operations.scrub(listener))
  })
  router.post('/sweep', async (context) => {
    const { dryRun } = await readBody(context, sweepBody)
    await answerWork(context, tell, (listener) => operations.sweep(dryRun, listener))
  })
  router.get('/jobs', (context) => {
    context.body = { jobs: operations.jobs().map(jobEntry) } satisfies JobList
  })
}
