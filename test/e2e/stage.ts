import { expect } from 'vitest'
import type { KnownClient } from '../support/clients/all-clients.ts'
import type { Client } from '../support/clients/client.ts'
import { expectHeld } from '../support/expect-held.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import type { FaultMatch } from '../support/fake-hub/faults.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { buildImage, type ImageOptions, type TestImage } from '../support/images.ts'
import { MirrorProcess, type MirrorSettings } from '../support/mirror-process.ts'
import { startOutside, type Outside } from '../support/outside.ts'
import { untilKept } from '../support/until-kept.ts'

export interface Published {
  repository: string
  image: TestImage
  /** `repository:1` */
  byTag: string
}

/** A fake Docker Hub and the daemon as its mirror. */
export interface Stage extends AsyncDisposable {
  readonly hub: FakeHub
  readonly mirror: MirrorProcess
  /** An image that nobody has seen. */
  publish(options?: Omit<ImageOptions, 'seed'>): Promise<Published>
}

let published = 0

export async function startStage(
  settings: Omit<MirrorSettings, 'upstreamUrl'> = {},
): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const hub = stack.use(await startFakeHub())
  const mirror = stack.use(await MirrorProcess.start({ ...settings, upstreamUrl: hub.url }))
  const owned = stack.move()
  return {
    hub,
    mirror,
    async publish(options) {
      const repository = `library/app-${++published}`
      const image = await buildImage({ ...options, seed: repository })
      hub.add(repository, '1', image)
      return { repository, image, byTag: `${repository}:1` }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The same with a client of the mirror, for which there is nothing else. */
export interface ClientStage extends Stage {
  readonly outside: Outside
  readonly client: Client
}

export async function startClientStage(
  { start }: KnownClient,
  settings: Omit<MirrorSettings, 'upstreamUrl'> = {},
): Promise<ClientStage> {
  await using stack = new AsyncDisposableStack()
  const stage = stack.use(await startStage(settings))
  const outside = stack.use(await startOutside())
  const client = stack.use(await start({ mirror: stage.mirror, outside }))
  const owned = stack.move()
  return { ...stage, outside, client, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Pulls an image with the client, which is to get all of it, and waits until the mirror has kept it. */
export async function pullKept(
  { client, mirror }: Pick<ClientStage, 'client' | 'mirror'>,
  { byTag, image }: Pick<Published, 'byTag' | 'image'>,
): Promise<void> {
  await client.pull(byTag)
  await expectHeld(client, byTag, image)
  await untilKept(mirror.adminUrl, image.root.digest, byTag.slice(byTag.lastIndexOf(':') + 1))
}

/** Fetches all of an image through the mirror; throws unless every byte of it comes and is right. */
export async function pullWhole(
  { mirror }: Stage,
  { repository, image }: Published,
): Promise<void> {
  const url = `${mirror.url}/v2/${repository}`
  expect(await fetchedDigest(`${url}/manifests/1`)).toBe(image.root.digest)
  await Promise.all(
    [...image.blobs.keys()].map(async (digest) => {
      expect(await fetchedDigest(`${url}/blobs/${digest}`)).toBe(digest)
    }),
  )
}

/** The requests for a blob at the CDN. */
export function downloadOf(digest: string): FaultMatch {
  return { server: 'cdn', path: new RegExp(encodeURIComponent(digest)) }
}
