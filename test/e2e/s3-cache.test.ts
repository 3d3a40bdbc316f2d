import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { ALL_CLIENTS } from '../support/clients/all-clients.ts'
import { eventually } from '../support/eventually.ts'
import { expectHeld } from '../support/expect-held.ts'
import { S3Server } from '../support/s3-server.ts'
import { haveTools } from '../support/tools.ts'
import { type ClientStage, pullKept, startClientStage } from './stage.ts'

const skopeo = ALL_CLIENTS.find(({ name }) => name === 'skopeo')!
const LAYER_BYTES = 20 * 1024 * 1024

describe.runIf(haveTools('versitygw', ...skopeo.tools))('a read cache in front of S3', () => {
  const stack = new AsyncDisposableStack()
  let s3: S3Server
  let stage: ClientStage

  beforeAll(async () => {
    s3 = stack.use(await S3Server.start())
    const store = { ...s3.store(await s3.makeBucket()), cache: {} }
    stage = stack.use(await startClientStage(skopeo, { config: { store } }))
  })

  beforeEach(() => stage.client.empty())

  afterAll(() => stack.disposeAsync())

  async function storeStats() {
    return (await stage.mirror.stats()).store
  }

  it('has what was filled, and is filled again by reading after it was lost', async () => {
    const { mirror, client } = stage
    const published = await stage.publish({ layerBytes: LAYER_BYTES })
    await pullKept(stage, published)
    const { cache, bytes } = await storeStats()
    expect(cache).toMatchObject({ bytes, hits: 0, misses: 0 })
    await mirror.stop()
    await rm(join(mirror.dataFolder, 'read-cache'), { recursive: true })
    await mirror.restart()
    expect((await storeStats()).cache).toMatchObject({ bytes: 0, entries: 0 })
    await client.empty()
    await pullKept(stage, published)
    const held = () => storeStats().then((stats) => stats.cache?.bytes === bytes)
    await eventually('all that was read is copied', held)
    await client.empty()
    const before = (await storeStats()).cache!
    await pullKept(stage, published)
    const after = (await storeStats()).cache!
    expect(after.misses).toBe(before.misses)
    expect(after.hits).toBeGreaterThan(before.hits)
  })

  it('serves what it has while S3 is down, what is new comes past it, and is kept later', async () => {
    const { client, mirror, hub } = stage
    const [before, during] = [await stage.publish(), await stage.publish()]
    await pullKept(stage, before)
    await client.empty()
    await s3.goDown()
    hub.forgetRequests()
    await client.pull(before.byTag)
    await expectHeld(client, before.byTag, before.image)
    expect(hub.count({ kind: 'cdn', method: 'GET' })).toBe(0)
    await client.pull(during.byTag)
    await expectHeld(client, during.byTag, during.image)
    await eventually('S3 is left alone', async () => (await storeStats()).state !== 'closed')
    await s3.comeBack()
    // The breaker tries again, and a manifest that could not be kept is.
    await mirror.later()
    await client.empty()
    await pullKept(stage, during)
    await eventually('the image is whole', async () => {
      const listed = await mirror.listed()
      return listed.some(({ digest, missingBytes }) => {
        return digest === during.image.root.digest && missingBytes === 0
      })
    })
    expect((await storeStats()).state).toBe('closed')
  })

  it('gives a client all of a layer when S3 is killed in the middle', async () => {
    const published = await stage.publish({ layerBytes: LAYER_BYTES })
    await pullKept(stage, published)
    const { repository, image } = published
    for (const [digest, { length }] of image.blobs) {
      const answer = await fetch(`${stage.mirror.url}/v2/${repository}/blobs/${digest}`)
      await s3.goDown()
      expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(digest)
      expect(Number(answer.headers.get('content-length'))).toBe(length)
      await s3.comeBack()
    }
  })

  it('loses what is evicted', async () => {
    const { mirror } = stage
    await pullKept(stage, await stage.publish())
    await mirror.later()
    expect((await mirror.entrepot('evict', '--to', '0B')).code).toBe(0)
    expect(await storeStats()).toMatchObject({ bytes: 0, cache: { bytes: 0, entries: 0 } })
  })
})
