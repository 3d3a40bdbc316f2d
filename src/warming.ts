import type { WarmedImage } from './cache/operations.ts'
import type { Warm } from './cache/warm.ts'
import type { WarmConfig } from './config/warm.ts'
import type { Job, JobResult } from './jobs/job.ts'
import { formatImage, type ImageReference } from './oci/reference.ts'
import { parsePlatform } from './oci/platform.ts'
import { imageOf, parseImageName } from './policy/image-name.ts'
import type { Routes } from './policy/routes.ts'

/**
 * What the configuration wants warmed, as jobs `warm-1` and so on. They run at every start: what
 * is held costs nothing, and the list may have changed. A run that fails for a reason that time
 * may heal fails as a job, and is repeated soon.
 */
export function warmJobs(entries: WarmConfig[], routes: Routes, warm: Pick<Warm, 'run'>): Job[] {
  return entries.map((entry, index) => {
    const images = entry.images.map((text) => imageNamed(text, routes))
    const platforms = entry.platforms.flatMap((text) => parsePlatform(text) ?? [])
    return {
      name: `warm-${index + 1}`,
      everyMs: entry.everyMs,
      first: 'at-start',
      async run(signal, progress) {
        return resultOf(await warm.run({ images, platforms }, { progress, item, signal }))
      },
    }
  })
}

/** Nobody wants to be told of each part. */
const item = () => Promise.resolve()

function imageNamed(text: string, routes: Routes): ImageReference {
  const name = parseImageName(text, routes)
  if (!name) throw new RangeError(`${text} is not the name of an image`)
  return imageOf(name)
}

function resultOf(images: WarmedImage[]): JobResult {
  const passing = images.flatMap(({ image, failure }) =>
    failure?.isPassing ? [`${formatImage(image)}: ${failure.message}`] : [],
  )
  if (passing.length > 0) throw new WarmingFailed(passing)
  return {
    failed: images.filter(({ failure }) => failure).length,
    fetchedBytes: images.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0),
  }
}

class WarmingFailed extends Error {
  override readonly name = 'WarmingFailed'

  constructor([first = '', ...more]: string[]) {
    super(more.length > 0 ? `${first}; and ${more.length} more` : first)
  }
}
