import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { S3Bucket } from '../../src/store/s3-bucket.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { S3Server } from '../support/s3-server.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { haveTools } from '../support/tools.ts'
import { untilKept } from '../support/until-kept.ts'
import { pullWhole, startStage, type Published } from './stage.ts'

const SEED = 20_261_121
const ROUNDS = 5
const WRITE = /^(PUT|POST) /
/** In three parts. */
const IMAGE = { layers: 1, layerBytes: 17 * 1024 * 1024 }

describe.runIf(haveTools('versitygw'))('kill -9 while content is put into S3', () => {
  it(`leaves nothing that is not whole (seed ${SEED})`, { timeout: 120_000 }, async () => {
    const random = seededRandom(SEED)
    await using s3 = await S3Server.start()
    await using proxy = await FaultProxy.start(s3.url)
    const options = await s3.makeBucket()
    await using bucket = new S3Bucket(options)
    const store = { ...s3.store(options), endpoint: proxy.url.origin }
    await using stage = await startStage({ config: { store } })
    const { hub, mirror } = stage

    const kept = ({ image }: Published) => untilKept(mirror.adminUrl, image.root.digest, '1')

    const published: Published[] = [await stage.publish(IMAGE)]
    proxy.requests.length = 0
    await pullWhole(stage, published[0]!)
    await kept(published[0]!)
    const writesOfAPull = proxy.requests.filter((request) => WRITE.test(request)).length
    let cutUploads = 0
    for (let round = 0; round < ROUNDS; round++) {
      const image = await stage.publish(IMAGE)
      const isUnderWay = proxy.stall(WRITE, Math.floor(random() * writesOfAPull))
      const pulling = pullWhole(stage, image).catch(() => undefined)
      await isUnderWay
      await mirror.crash()
      await pulling
      proxy.goOn()
      if ((await uploadsIn(bucket)).length > 0) cutUploads++

      await mirror.restart()
      expect((await mirror.entrepot('sweep')).code).toBe(0)
      expect(await uploadsIn(bucket)).toEqual([])
      const held = await wholeObjectsIn(bucket)
      expect((await mirror.stats()).store.entries).toBe(held)
      published.push(image)
      await pullWhole(stage, image)
      await kept(image)
    }
    expect(cutUploads).toBeGreaterThan(0)
    await hub.goDown()
    for (const image of published) await pullWhole(stage, image)
  })
})

async function uploadsIn({ client, name }: S3Bucket): Promise<unknown[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }))
  return Uploads
}

/** How many objects there are, each of which is a blob under its digest; throws where one is not. */
async function wholeObjectsIn({ client, name: Bucket }: S3Bucket): Promise<number> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }))
  for (const { Key } of Contents) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
    const hash = createHash('sha256')
    for await (const chunk of Body as Readable) hash.update(chunk as Buffer)
    expect(Key).toBe(`blobs/sha256/${hash.digest('hex')}`)
  }
  return Contents.length
}
