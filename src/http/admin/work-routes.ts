import type { Router } from '@koa/router'
import type { JobList, RemovableEntry, WarmedContentEntry, WarmResult } from '../../admin-api.ts'
import type { Operations, Removable, Removal, WarmedContent } from '../../cache/operations.ts'
import type { HostedOperations } from '../../hosted/hosted-operations.ts'
import { parsePlatform, type Platform } from '../../oci/platform.ts'
import type { ImageReference } from '../../oci/reference.ts'
import { imageOf } from '../../policy/image-name.ts'
import type { Routes } from '../../policy/routes.ts'
import type { HttpState } from '../exchange.ts'
import type { Tell } from './api-errors.ts'
import { imageNamed } from './content-routes.ts'
import { jobEntry, removableEntry, warmedContentEntry, warmedEntry } from './entries.ts'
import { ApiError } from './api-error.ts'
import { readBody } from './json-body.ts'
import { evictBody, purgeBody, scrubBody, sweepBody, warmBody } from './parameters.ts'
import { answerWork } from './work-answer.ts'

/** Long work, and what runs by itself. */
export function addWorkRoutes(
  router: Router<HttpState>,
  operations: Operations,
  { routes, hosted }: { routes: Routes; hosted: HostedOperations | undefined },
  tell: Tell,
): void {
  router.post('/evict', async (context) => {
    const { dryRun: isDryRun, toBytes, limit: maxImages } = await readBody(context, evictBody)
    await answerWork<RemovableEntry, Removal>(context, tell, (listener) => {
      // What really goes must not wait for a caller that reads slowly.
      const item = async (removable: Removable) => {
        if (isDryRun) await listener.item(removableEntry(removable))
      }
      return operations.evict({ isDryRun, toBytes, maxImages }, { ...listener, item })
    })
  })
  router.post('/purge', async (context) => {
    const { reference } = await readBody(context, purgeBody)
    const target = imageNamed(reference, routes)
    if (target.repository.registry === hosted?.registry) {
      const why = 'was pushed, and is nowhere else: delete it as a client does'
      throw new ApiError('CONFLICT', `${reference} ${why}`)
    }
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
  router.post('/warm', async (context) => {
    const body = await readBody(context, warmBody)
    const request = {
      images: body.images.map((text) => upstreamImage(text, routes)),
      platforms: body.platforms.map(platformNamed),
    }
    await answerWork<WarmedContentEntry, WarmResult>(context, tell, async (listener) => {
      const item = (content: WarmedContent) => listener.item(warmedContentEntry(content))
      const images = await operations.warm(request, { ...listener, item })
      return { images: images.map(warmedEntry) }
    })
  })
  router.get('/jobs', (context) => {
    context.body = { jobs: operations.jobs().map(jobEntry) } satisfies JobList
  })
}

/** Throws ApiError for what is no image of an upstream. */
function upstreamImage(text: string, routes: Routes): ImageReference {
  const image = imageOf(imageNamed(text, routes))
  const { registry, reference } = image
  if (routes.find({ repository: reference.repository, ns: registry })) return image
  throw new ApiError('INVALID', `${text}: ${registry} is no upstream of this mirror`)
}

function platformNamed(text: string): Platform {
  const platform = parsePlatform(text)
  if (platform) return platform
  throw new ApiError('INVALID', `${text} is not a platform, as linux/amd64 or linux/arm/v7 are`)
}
