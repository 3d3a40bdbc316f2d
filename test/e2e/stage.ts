import type { KnownClient } from '../support/clients/all-clients.ts'
import type { Client } from '../support/clients/client.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import type { FaultMatch } from '../support/fake-hub/faults.ts'
import { buildImage, type ImageOptions, type TestImage } from '../support/images.ts'
import { MirrorProcess, type MirrorSettings } from '../support/mirror-process.ts'
import { startOutside, type Outside } from '../support/outside.ts'

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
  const client = stack.use(await start({ mirror: stage.mirror.host, outside }))
  const owned = stack.move()
  return { ...stage, outside, client, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The requests for a blob at the CDN. */
export function downloadOf(digest: string): FaultMatch {
  return { server: 'cdn', path: new RegExp(encodeURIComponent(digest)) }
}
