import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { S3Bucket, type S3Options } from '../../src/store/s3-bucket.ts'
import { eventually } from '../support/eventually.ts'
import { startFakeHub, type FakeHub } from '../support/fake-hub/fake-hub.ts'
import { fetchedDigest } from '../support/fetched.ts'
import { bytesOf } from '../support/images.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { S3Server } from '../support/s3-server.ts'
import { haveTools } from '../support/tools.ts'
import { contentsOf, expectWhole, publish, PUSHED_BY_ALL, skopeoAt } from './hosted-stage.ts'

/** In parts, where it goes to S3. */
const LAYER_BYTES = 17 * 1024 * 1024
const APP = '/v2/private/app'

describe.runIf(haveTools('versitygw', 'skopeo'))('what is pushed to a mirror over S3', () => {
  let stack: AsyncDisposableStack
  let s3: S3Server
  let bucket: S3Options
  let hub: FakeHub
  let mirror: MirrorProcess

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    s3 = stack.use(await S3Server.start())
    bucket = await s3.makeBucket()
    hub = stack.use(await startFakeHub())
    const hosted = { enabled: true, gracePeriod: '2m' }
    const config = { ...PUSHED_BY_ALL, hosted, store: s3.store(bucket) }
    mirror = stack.use(await MirrorProcess.start({ upstreamUrl: hub.url, config }))
  })

  afterEach(() => stack.disposeAsync())

  it('is in the bucket, also after a restart, and goes from there when it was deleted', async () => {
    const [one, two] = [await publish(hub, 'app:1', LAYER_BYTES), await publish(hub, 'app:2')]
    const skopeo = skopeoAt(hub, mirror)
    await skopeo.push('app:1')
    await skopeo.push('app:2')
    const both = [...new Set([...contentsOf(one), ...contentsOf(two)])].sort()
    expect(await digestsIn(bucket)).toEqual(both)
    await mirror.stop()
    await mirror.restart()
    await mirror.later()
    expect((await mirror.entrepot('evict', '--to', '0B')).code).toBe(0)
    await expectWhole(mirror, 'app:1', one)
    await expectWhole(mirror, 'app:2', two)

    await skopeo.delete('app:1')
    await mirror.later()
    expect((await mirror.entrepot('gc')).code).toBe(0)
    expect(await digestsIn(bucket)).toEqual(contentsOf(two).sort())
    await expectWhole(mirror, 'app:2', two)
  })

  it('is unavailable while S3 is down, not unknown, and is pushed and pulled again after', async () => {
    const [layer, other] = [bytesOf('layer', 50_000), bytesOf('other', 50_000)]
    const push = async (body: Buffer) => {
      const url = `${mirror.url}${APP}/blobs/uploads/?digest=${digestOf(body)}`
      return (await fetch(url, { method: 'POST', body })).status
    }
    const url = `${mirror.url}${APP}/blobs/${digestOf(layer)}`
    expect(await push(layer)).toBe(201)
    await s3.goDown()
    expect(await push(other)).toBe(503)
    expect((await fetch(url)).status).toBe(503)
    expect((await fetch(`${mirror.url}${APP}/blobs/${digestOf(other)}`)).status).toBe(404)
    await s3.comeBack()
    await eventually('a push', async () => (await push(other)) === 201)
    expect(await fetchedDigest(url)).toBe(digestOf(layer))
  })
})

/** What the bucket has, in order. */
async function digestsIn(options: S3Options): Promise<string[]> {
  await using bucket = new S3Bucket(options)
  const list = new ListObjectsV2Command({ Bucket: bucket.name, Prefix: 'blobs/' })
  const { Contents = [] } = await bucket.client.send(list)
  return Contents.map(({ Key = '' }) => Key.slice('blobs/'.length).replace('/', ':')).sort()
}
