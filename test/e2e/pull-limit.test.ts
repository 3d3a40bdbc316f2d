import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, buildIndex, type TestImage } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const CLIENTS = 200
const IMAGES = 50
const PULLS_OF_EACH = 10
const LIMIT = 100

/** A multi-platform image, and the one of it that the clients want. */
interface Published {
  repository: string
  index: TestImage
  wanted: TestImage
}

async function publish(hub: FakeHub, number: number): Promise<Published> {
  const repository = `library/app-${number}`
  const build = (architecture: string) =>
    buildImage({
      seed: `${repository}/${architecture}`,
      architecture,
      layers: 1,
      layerBytes: 5_000,
    })
  const wanted = await build('amd64')
  const index = buildIndex({ amd64: wanted, arm64: await build('arm64') })
  hub.add(repository, '1', index)
  return { repository, index, wanted }
}

/** As podman does it: the index by its tag, the manifest for this platform by digest, then the blobs. */
async function pull(mirrorUrl: string, { repository, index, wanted }: Published): Promise<void> {
  const url = `${mirrorUrl}/v2/${repository}`
  const { digest } = wanted.root
  expect(await fetchedDigest(`${url}/manifests/1`)).toBe(index.root.digest)
  expect(await fetchedDigest(`${url}/manifests/${digest}`)).toBe(digest)
  for (const blob of wanted.blobs.keys()) {
    expect(await fetchedDigest(`${url}/blobs/${blob}`)).toBe(blob)
  }
}

/** How many clients had all that they wanted, each some of the images, one after the other. */
async function storm(mirrorUrl: string, images: Published[]): Promise<number> {
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let step = 0; step < PULLS_OF_EACH; step++) {
      await pull(mirrorUrl, images[(client + 7 * step) % images.length]!)
    }
  })
  const ends = await Promise.allSettled(clients)
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
  return ends.length
}

describe(`${CLIENTS} clients and ${IMAGES} images, with ${LIMIT} pulls in six hours`, () => {
  const parts = new AsyncDisposableStack()
  let hub: FakeHub
  let mirror: MirrorProcess
  let images: Published[]

  beforeAll(async () => {
    hub = parts.use(await startFakeHub({ rateLimit: { limit: LIMIT, windowSeconds: 6 * 3600 } }))
    images = await Promise.all(Array.from({ length: IMAGES }, (_, index) => publish(hub, index)))
    const settings = { upstreamUrl: hub.url, freshFor: '5m' }
    mirror = parts.use(await MirrorProcess.start(settings))
  })

  afterAll(() => parts.disposeAsync())

  it('every client succeeds, for one pull of each manifest', async () => {
    const succeeded = await storm(mirror.url, images)
    const fetches = hub.matching({ kind: 'manifest', method: 'GET', status: 200 })
    const distinct = new Set(fetches.map(({ digest }) => digest)).size
    // A client has its last byte before the daemon has counted it.
    const { budget, savedPulls, isLow } = await eventually('all is counted', async () => {
      const [upstream] = (await mirror.stats()).upstreams
      const isCounted = upstream?.savedPulls === 2 * CLIENTS * PULLS_OF_EACH - distinct
      return isCounted ? upstream : undefined
    })
    const [{ limit, remaining, resetAt } = {}] = budget
    const spent = LIMIT - (remaining ?? Number.NaN)
    console.log(
      `${succeeded} of ${CLIENTS} clients succeeded; pulls spent: ${spent}; ` +
        `distinct manifests fetched: ${distinct}; pulls saved: ${savedPulls}`,
    )
    expect(succeeded).toBe(CLIENTS)
    expect(fetches).toHaveLength(distinct)
    expect(spent).toBe(distinct)
    expect(distinct).toBe(2 * IMAGES)
    expect({ limit, isLow }).toEqual({ limit: LIMIT, isLow: true })
    expect(Date.parse(resetAt ?? '')).toBeGreaterThan(Date.now())
  })

  it('nor does any fail when nothing is left and the tags are stale, and upstream is not asked', async () => {
    hub.forgetRequests()
    await mirror.later()
    await mirror.later()
    expect(await storm(mirror.url, images)).toBe(CLIENTS)
    expect(hub.count({ kind: 'manifest' })).toBe(0)
    await eventually('each pull of a tag is counted as stale', async () => {
      return (await mirror.stats()).pulls.stale === CLIENTS * PULLS_OF_EACH
    })
  })
})
