import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CachedStore } from '../../src/store/cached-store.ts'
import { FileSpoolFolder } from '../../src/store/file-spool.ts'
import { FileStore } from '../../src/store/file-store.ts'
import { ReadCache } from '../../src/store/read-cache.ts'
import { S3Breaker } from '../../src/store/s3-breaker.ts'
import { S3Bucket, type S3Options } from '../../src/store/s3-bucket.ts'
import { S3Store } from '../../src/store/s3-store.ts'
import { Uploads } from '../../src/store/s3-uploads.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { StoreEvents } from '../../src/telemetry/store-events.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { quarantineContract } from '../contract/quarantine-contract.ts'
import { blobOf, bytesIn, putBytes, statsOf } from '../support/blobs.ts'
import { caught } from '../support/caught.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { bytesOf } from '../support/images.ts'
import { S3Server } from '../support/s3-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
/** So that nobody waits long for what does not come, where a test has nothing come. */
const IMPATIENCE_MS = 200

describe.runIf(haveTools('versitygw'))('a read cache in front of a bucket of versitygw', () => {
  let server: S3Server
  beforeAll(async () => {
    server = await S3Server.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  blobStoreContract('CachedStore', () => subject())
  quarantineContract('CachedStore', () => subject())
  blobStoreContract('CachedStore behind what is late', async () => {
    const rig = await troubled()
    rig.proxy.trouble('late')
    return rig
  })

  const large = bytesOf('large', 20 * MIB)
  const blob = blobOf(large)
  const small = bytesOf('small', 1_000)

  it.each([
    ['reset', {}],
    ['stall', { answerWithinMs: IMPATIENCE_MS }],
  ] as const)(
    'serves copies through a %s, and waits for nothing else',
    async (trouble, patience) => {
      await using rig = await troubled(patience)
      const { store, spools, proxy, breaker, cache, clock } = rig
      await putBytes(store, spools, large)
      await putBytes(store, spools, small)
      await cache.drop(blobOf(small).digest)
      proxy.trouble(trouble)
      for (let failures = 0; failures < 3; failures++) {
        expect(await caught(bytesIn(store, blobOf(small)))).toMatchObject({ kind: 'io' })
      }
      expect(breaker.state).toBe('open')
      expect(await caught(bytesIn(store, blobOf(small)))).toMatchObject({ kind: 'unasked' })
      expect(await caught(putBytes(store, spools, bytesOf('new', 10)))).toMatchObject({
        kind: 'unasked',
      })
      expect((await bytesIn(store, blob))?.equals(large)).toBe(true)
      proxy.trouble('none')
      clock.advance(60_000)
      expect((await bytesIn(store, blobOf(small)))?.equals(small)).toBe(true)
      expect(breaker.state).toBe('closed')
    },
  )

  it('is filled by a copy that is made through cuts, and busy answers', async () => {
    await using rig = await troubled()
    const { store, spools, proxy, cache } = rig
    await putBytes(store, spools, large)
    await cache.drop(blob.digest)
    proxy.slowDown(2)
    proxy.cutAfter(3 * MIB)
    expect((await bytesIn(store, blob))?.equals(large)).toBe(true)
    await store.copied()
    expect(proxy.faults).toBe(3)
    expect(cache.has(blob.digest)).toBe(true)
    proxy.trouble('stall')
    expect((await bytesIn(store, blob))?.equals(large)).toBe(true)
  })

  it('goes on reading an original after it was stalled in the middle', async () => {
    await using rig = await troubled({ idleMs: IMPATIENCE_MS })
    const { proxy, spools } = rig
    await using patient = storeIn(new S3Bucket(rig.options))
    await putBytes(patient, spools, large)
    proxy.stallAfter(3 * MIB)
    expect((await bytesIn(rig.originals, blob))?.equals(large)).toBe(true)
    expect(proxy.faults).toBe(1)
  })

  it('keeps nothing of a put that S3 did not take', async () => {
    await using rig = await troubled()
    rig.proxy.trouble('reset')
    expect(await caught(putBytes(rig.store, rig.spools, large))).toMatchObject({ kind: 'io' })
    rig.proxy.trouble('none')
    expect(await statsOf(rig.store)).toEqual([])
    expect(rig.cache.stats.entries).toBe(0)
  })

  async function troubled(patience: Pick<S3Options, 'answerWithinMs' | 'idleMs'> = {}) {
    const proxy = await FaultProxy.start(server.url)
    const rig = await subject({ endpoint: proxy.url, ...patience })
    return {
      ...rig,
      proxy,
      async [Symbol.asyncDispose]() {
        await rig[Symbol.asyncDispose]()
        await proxy[Symbol.asyncDispose]()
      },
    }
  }

  async function subject(other: Partial<S3Options> = {}) {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const spools = new FileSpoolFolder(join(folder.path, 'spool'))
    await spools.clear()
    const options = await server.makeBucket()
    const bucket = new S3Bucket({ ...options, ...other })
    const clock = new FakeClock()
    const breaker = new S3Breaker(bucket.client, { clock, changed: () => {} })
    const originals = storeIn(bucket)
    const events = new StoreEvents(pino({ level: 'silent' }), new Metrics())
    const cache = await ReadCache.open({
      files: new FileStore({ blobs: join(folder.path, 'blobs'), quarantine: folder.path }),
      maxBytes: GIB,
      minFreeBytes: 0,
      disk: () => Promise.resolve({ freeBytes: GIB, totalBytes: GIB }),
      clock,
      events,
    })
    const store = stack.use(new CachedStore({ originals, cache, spools, events }))
    const owned = stack.move()
    return {
      options,
      store,
      originals,
      cache,
      breaker,
      clock,
      spools,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  }
})

function storeIn(bucket: S3Bucket): S3Store {
  return new S3Store(bucket, new Uploads(bucket))
}
