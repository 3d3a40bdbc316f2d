import type { Router } from '@koa/router'
import type {
  FreezeList,
  FreezeResult,
  HoldList,
  ReleaseResult,
  TagHistory,
  UnfreezeResult,
} from '../../admin-api.ts'
import type { FreezeAt, TagName, TagOperations } from '../../cache/tag-operations.ts'
import { parseDigest } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import type { Routes } from '../../policy/routes.ts'
import { parseIsoTime } from '../../util/iso-time.ts'
import type { HttpState } from '../exchange.ts'
import { ApiError } from './api-error.ts'
import { imageNamed } from './content-routes.ts'
import { freezeEntry, historyEntry, holdEntry, tagEntry } from './entries.ts'
import { readBody } from './json-body.ts'
import { freezeBody, readQuery, tagParameters } from './parameters.ts'

/** What tags stand for: what waits, what they stood for, and what they are frozen at. */
export function addTagRoutes(router: Router<HttpState>, tags: TagOperations, routes: Routes): void {
  router.get('/holds', async (context) => {
    context.body = { holds: (await tags.holds()).map(holdEntry) } satisfies HoldList
  })
  router.post('/release', async (context) => {
    const { reference } = await readBody(context, tagParameters)
    const name = tagNamed(reference, routes)
    const release = await tags.release(name, context.state.exchange.signal)
    if (release.outcome !== 'released') throw RELEASE_REFUSALS[release.outcome](textOf(name))
    context.body = { ...tagEntry(name), digest: release.digest } satisfies ReleaseResult
  })
  router.get('/history', async (context) => {
    const name = tagNamed(readQuery(context, tagParameters).reference, routes)
    const history = (await tags.history(name)).map(historyEntry)
    context.body = { ...tagEntry(name), history } satisfies TagHistory
  })
  router.get('/freezes', async (context) => {
    context.body = { freezes: (await tags.freezes()).map(freezeEntry) } satisfies FreezeList
  })
  router.post('/freezes', async (context) => {
    const { reference, at } = await readBody(context, freezeBody)
    const name = tagNamed(reference, routes)
    const where = at === undefined ? undefined : placeNamed('at', at)
    const result = await tags.freeze(name, where, context.state.exchange.signal)
    if (result.outcome !== 'frozen') {
      throw FREEZE_REFUSALS[result.outcome](textOf(name), at)
    }
    context.body = { ...tagEntry(name), digest: result.digest } satisfies FreezeResult
  })
  router.delete('/freezes', async (context) => {
    const name = tagNamed(readQuery(context, tagParameters).reference, routes)
    if (!(await tags.unfreeze(name))) {
      throw new ApiError('NOT_FOUND', `${textOf(name)} is not frozen`)
    }
    context.body = tagEntry(name) satisfies UnfreezeResult
  })
}

const RELEASE_REFUSALS = {
  absent: (name: string) => new ApiError('NOT_FOUND', `nothing waits for ${name}`),
  frozen: (name: string) => new ApiError('CONFLICT', `${name} is frozen: unfreeze it first`),
  moved: (name: string) =>
    new ApiError('CONFLICT', `${name} has moved on meanwhile, or is gone: see what waits now`),
}

const FREEZE_REFUSALS = {
  unmirrored: (name: string) =>
    new ApiError(
      'CONFLICT',
      `${name} is of no upstream, so it cannot be frozen: see hosted.immutable for what is pushed`,
    ),
  unknown: (name: string, at = 'any time') =>
    new ApiError('NOT_FOUND', `nobody knows what ${name} was served as at ${at}`),
  gone: (name: string, at = 'what it is served as') =>
    new ApiError('NOT_FOUND', `${name} cannot be frozen at ${at}: nobody has that`),
}

/** As clients do, takes `latest` where no tag is named. Throws ApiError for what names no tag. */
export function tagNamed(text: string, routes: Routes): TagName {
  const { repository, target = 'latest' } = imageNamed(text, routes)
  const tag = parseTag(target)
  if (tag) return { repository, tag }
  throw new ApiError('INVALID', `${text} is not the name of a tag`)
}

/** A place in the history of a tag. Throws ApiError. */
export function placeNamed(parameter: string, at: string): FreezeAt {
  const digest = parseDigest(at)
  if (digest) return { digest }
  const atMs = parseIsoTime(at)
  if (atMs !== undefined) return { atMs }
  throw new ApiError('INVALID', `${parameter}: expected a digest or a time, not ${at}`)
}

export function textOf({ repository, tag }: TagName): string {
  return `${repository.registry}/${repository.name}:${tag}`
}
