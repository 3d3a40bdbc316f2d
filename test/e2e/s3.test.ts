import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { eventually } from '../support/eventually.ts'
import { expectHeld } from '../support/expect-held.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { S3Server } from '../support/s3-server.ts'
import { haveTools } from '../support/tools.ts'
import { type ClientStage, pullKept, startClientStage } from './stage.ts'

const skopeo = ALL_CLIENTS.find(({ name }) => name === 'skopeo')!
/** In parts, where it goes to S3. */
const LAYER_BYTES = 20 * 1024 * 1024

describe.runIf(haveTools('versitygw', ...skopeo.tools))('a mirror that keeps content in S3', () => {
  const stack = new AsyncDisposableStack()
  let s3: S3Server
  let stage: ClientStage

  beforeAll(async () => {
    s3 = stack.use(await S3Server.start())
    const store = s3.store(await s3.makeBucket())
    stage = stack.use(await startClientStage(skopeo, { config: { store } }))
  })

  beforeEach(() => stage.client.empty())

  afterAll(() => stack.disposeAsync())

  it('serves it after a restart, with upstream down', async () => {
    const { hub, mirror } = stage
    const published = await stage.publish({ layerBytes: LAYER_BYTES })
    await pullKept(stage, published)
    await mirror.stop()
    await mirror.restart()
    await hub.goDown()
    await stage.client.empty()
    await pullKept(stage, published)
    await hub.comeBack()
  })

  it('finds it again when the whole data folder is lost', async () => {
    const { hub, mirror } = stage
    const published = await stage.publish()
    await pullKept(stage, published)
    const { entries, bytes } = (await mirror.stats()).store
    await mirror.stop()
    await rm(mirror.dataFolder, { recursive: true })
    await mirror.restart()
    await eventually('all is adopted', async () => (await mirror.stats()).store.entries === entries)
    expect((await mirror.stats()).store.bytes).toBe(bytes)
    await stage.client.empty()
    hub.forgetRequests()
    await pullKept(stage, published)
    expect(hub.count({ kind: 'cdn', method: 'GET' })).toBe(0)
  })

  it('evicts there, and purges', async () => {
    const { mirror } = stage
    const published = await stage.publish()
    const { repository } = published
    await pullKept(stage, published)
    const held = await mirror.listed()
    expect(held.map((image) => image.repository)).toContain(`docker.io/${repository}`)
    expect((await mirror.entrepot('purge', `docker.io/${repository}`)).code).toBe(0)
    expect((await mirror.listed()).map((image) => image.repository)).not.toContain(
      `docker.io/${repository}`,
    )
    await mirror.later()
    expect((await mirror.entrepot('evict', '--to', '0B')).code).toBe(0)
    expect((await mirror.stats()).store).toMatchObject({ bytes: 0, entries: 0 })
  })

  it('goes past S3 while that is down, and keeps again when it is back', async () => {
    const { client, mirror } = stage
    const [before, during] = [await stage.publish(), await stage.publish()]
    await pullKept(stage, before)
    await client.empty()
    await s3.goDown()
    for (const { byTag, image } of [before, during]) {
      await client.pull(byTag)
      await expectHeld(client, byTag, image)
    }
    await s3.comeBack()
    // A manifest that could not be kept is tried again a minute later.
    await mirror.later()
    await client.empty()
    await pullKept(stage, during)
    await eventually('the image is whole', async () => {
      const listed = await mirror.listed()
      return listed.some(({ digest, missingBytes }) => {
        return digest === during.image.root.digest && missingBytes === 0
      })
    })
  })

  it('is refused at the start where the bucket is not there', async () => {
    const store = s3.store(s3.options('nowhere'))
    const starting = MirrorProcess.start({ upstreamUrl: stage.hub.url, config: { store } })
    await expect(starting).rejects.toThrow('cannot use the bucket nowhere: there is no such bucket')
  })
})
