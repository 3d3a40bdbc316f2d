import type { ImagePage } from '../../src/admin-api.ts'
import type { Stats } from '../../src/admin-stats.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { eventually } from './eventually.ts'

/** A client has the last byte before all is committed, and what it was named as is written down. */
export async function untilKept(adminUrl: string, digest: Digest, tag: string): Promise<void> {
  await eventually('all is kept', async () => {
    const { fills } = (await jsonAt(`${adminUrl}/api/v1/stats`)) as Stats
    const { images } = (await jsonAt(`${adminUrl}/api/v1/images`)) as ImagePage
    const isListed = images.some((image) => image.digest === digest && image.tags.includes(tag))
    return fills.length === 0 && isListed
  })
}

async function jsonAt(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}
