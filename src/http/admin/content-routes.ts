import type { Router } from '@koa/router'
import type {
  ImagePage,
  PinList,
  PinResult,
  PlatformList,
  RepositoryPage,
} from '../../admin-api.ts'
import type { Operations } from '../../cache/operations.ts'
import { parsePinPattern } from '../../cache/pin-pattern.ts'
import { parseDigest } from '../../oci/digest.ts'
import { type ImageName, parseImageName, qualifyPattern } from '../../policy/image-name.ts'
import type { Routes } from '../../policy/routes.ts'
import type { Events } from '../../telemetry/events.ts'
import type { HttpState } from '../exchange.ts'
import { ApiError } from './api-error.ts'
import { cursorAt, positionOf, repositoryCursorAt, repositoryPositionOf } from './cursor.ts'
import { imageEntry, pinEntry, platformEntry, repositoryEntry } from './entries.ts'
import { readBody } from './json-body.ts'
import {
  imagesQuery,
  pinParameters,
  platformsQuery,
  readQuery,
  repositoriesQuery,
} from './parameters.ts'

/** What is held, and what is kept. */
export function addContentRoutes(
  router: Router<HttpState>,
  operations: Operations,
  routes: Routes,
  { pulledImages, top }: Pick<Events, 'pulledImages' | 'top'>,
): void {
  router.get('/images', async (context) => {
    const { repository, search, after, limit } = readQuery(context, imagesQuery)
    const images = await operations.images({
      repository: repository === undefined ? undefined : repositoryNamed(repository, routes),
      search,
      after: after === undefined ? undefined : positionOf(after),
      limit,
    })
    const last = images.length === limit ? images.at(-1) : undefined
    context.body = {
      images: images.map((image) => imageEntry(image, pulledImages)),
      next: last ? cursorAt(last) : null,
    } satisfies ImagePage
  })
  router.get('/platforms', async (context) => {
    const { digest: text } = readQuery(context, platformsQuery)
    const digest = parseDigest(text)
    if (!digest) throw new ApiError('INVALID', `${text} is not a digest`)
    const platforms = await operations.platforms(digest)
    if (!platforms) throw new ApiError('NOT_FOUND', `no manifest ${digest} is held`)
    context.body = { platforms: platforms.map(platformEntry) } satisfies PlatformList
  })
  router.get('/repositories', async (context) => {
    const { search, after, limit } = readQuery(context, repositoriesQuery)
    const position = after === undefined ? undefined : repositoryPositionOf(after)
    const summaries = await operations.repositories({ search, after: position, limit })
    const last = summaries.length === limit ? summaries.at(-1) : undefined
    context.body = {
      repositories: summaries.map((summary) => repositoryEntry(summary, top)),
      next: last ? repositoryCursorAt(last.repository) : null,
    } satisfies RepositoryPage
  })
  router.get('/pins', async (context) => {
    context.body = { pins: (await operations.pins()).map(pinEntry) } satisfies PinList
  })
  router.post('/pins', async (context) => {
    const pattern = patternNamed((await readBody(context, pinParameters)).pattern, routes)
    await operations.pin(pattern)
    context.body = { pattern } satisfies PinResult
  })
  router.delete('/pins', async (context) => {
    const pattern = patternNamed(readQuery(context, pinParameters).pattern, routes)
    const outcome = await operations.unpin(pattern)
    if (outcome === 'absent') throw new ApiError('NOT_FOUND', `there is no pin ${pattern}`)
    if (outcome === 'configured') {
      throw new ApiError('CONFLICT', `the pin ${pattern} is part of the configuration`)
    }
    context.body = { pattern } satisfies PinResult
  })
}

/** Throws ApiError for what names no image. */
export function imageNamed(text: string, routes: Routes): ImageName {
  const name = parseImageName(text, routes)
  if (!name) throw new ApiError('INVALID', `${text} is not the name of an image`)
  return name
}

function repositoryNamed(text: string, routes: Routes): ImageName['repository'] {
  const { repository, target } = imageNamed(text, routes)
  if (target === undefined) return repository
  throw new ApiError('INVALID', `${text} is not the name of a repository`)
}

function patternNamed(text: string, routes: Routes): string {
  const pattern = qualifyPattern(text, routes)
  if (parsePinPattern(pattern)) return pattern
  throw new ApiError('INVALID', `${text} is not a pattern of images`)
}
