import { join } from 'node:path'
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { FileSpoolFolder } from '../../src/store/file-spool.ts'
import type { Leftover } from '../../src/store/leftovers.ts'
import { S3Bucket, type S3Options } from '../../src/store/s3-bucket.ts'
import { S3Store } from '../../src/store/s3-store.ts'
import { Uploads } from '../../src/store/s3-uploads.ts'
import type { Spool } from '../../src/store/spool.ts'
import { readAll, readExactly } from '../../src/util/byte-reader.ts'
import { blobStoreContract } from '../contract/blob-store-contract.ts'
import { quarantineContract } from '../contract/quarantine-contract.ts'
import { blobOf, bytesIn, putBytes, spoolOf, statsOf } from '../support/blobs.ts'
import { caught } from '../support/caught.ts'
import { FaultProxy, type Mishap } from '../support/fault-proxy.ts'
import { Gate } from '../support/gate.ts'
import { freePort } from '../support/free-port.ts'
import { bytesOf } from '../support/images.ts'
import { S3Server } from '../support/s3-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { haveTools } from '../support/tools.ts'

const MIB = 1024 * 1024
const COMPLETE = /^POST .*[?&]uploadId=/

describe.runIf(haveTools('versitygw'))('blobs in a bucket of versitygw', () => {
  let server: S3Server
  beforeAll(async () => {
    server = await S3Server.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  blobStoreContract('S3Store', () => subject())
  quarantineContract('S3Store', () => subject())
  for (const mishap of ['busy', 'reset', 'stall'] as const) {
    blobStoreContract(`S3Store that meets with ${mishap}`, async () => {
      await using stack = new AsyncDisposableStack()
      const proxy = stack.use(await FaultProxy.start(server.url))
      proxy.mishap(mishap, /^/, 2)
      // Of no other mishap is it time that tells.
      const patience = mishap === 'stall' && { answerWithinMs: 300, idleMs: 300 }
      const made = stack.use(await subject({ endpoint: proxy.url, ...patience }))
      const owned = stack.move()
      return { ...made, [Symbol.asyncDispose]: () => owned.disposeAsync() }
    })
  }

  const large = bytesOf('large', 20 * MIB)

  it('are put in parts where they are large, and read over all of them', async () => {
    await using made = await subject()
    const blob = await putBytes(made.store, made.spools, large)
    expect(await made.store.stat(blob.digest)).toEqual({
      digest: blob.digest,
      sizeBytes: large.length,
    })
    const range = { first: 8 * MIB - 10, last: 16 * MIB + 10 }
    const part = await bytesIn(made.store, blob, range)
    expect(part?.equals(large.subarray(range.first, range.last + 1))).toBe(true)
    expect((await bytesIn(made.store, blob))?.equals(large)).toBe(true)
  })

  it.each(['busy', 'reset'] as const)(
    'have a part that meets with %s put again, and no other',
    async (mishap) => {
      await using proxy = await FaultProxy.start(server.url)
      await using made = await subject({ endpoint: proxy.url })
      proxy.mishap(mishap, /^PUT .*[?&]partNumber=2&/, 0)
      const blob = await putBytes(made.store, made.spools, large)
      expect(proxy.faults).toBe(1)
      const puts = proxy.requests.filter((request) => request.startsWith('PUT '))
      const timesPut = (part: number) =>
        puts.filter((request) => request.includes(`partNumber=${part}&`)).length
      expect([1, 2, 3].map(timesPut)).toEqual([1, 2, 1])
      expect((await bytesIn(made.store, blob))?.equals(large)).toBe(true)
    },
  )

  it.each<[string, Mishap[]]>([
    ['is lost', ['reset']],
    ['is lost each time', ['reset', 'reset', 'reset']],
    ['is lost, and the upload is unknown then', ['reset', 'unknown']],
    ['is an error each time', ['late-error', 'late-error', 'late-error']],
  ])('are put when the answer that they are %s', async (_, mishaps) => {
    await using proxy = await FaultProxy.start(server.url)
    await using made = await subject({ endpoint: proxy.url })
    proxy.mishaps(mishaps, COMPLETE)
    const blob = await putBytes(made.store, made.spools, large)
    expect(proxy.faults).toBe(mishaps.length)
    expect((await bytesIn(made.store, blob))?.equals(large)).toBe(true)
    expect(await leftIn(made.options)).toEqual([])
  })

  it('are not put when S3 is too busy to say that they are, and leave nothing behind', async () => {
    await using proxy = await FaultProxy.start(server.url)
    await using made = await subject({ endpoint: proxy.url })
    proxy.mishaps(['busy', 'busy', 'busy'], COMPLETE)
    const putting = putBytes(made.store, made.spools, large)
    expect(await caught(putting)).toMatchObject({
      name: 'StoreError',
      message: expect.stringMatching(/^cannot complete blobs\/sha256\/.* 503 SlowDown/) as string,
    })
    expect(proxy.faults).toBe(3)
    expect(await statsOf(made.store)).toEqual([])
    expect(await leftIn(made.options)).toEqual([])
  })

  it('are not taken for put where something of another length is in their place', async () => {
    await using proxy = await FaultProxy.start(server.url)
    await using made = await subject({ endpoint: proxy.url })
    const { bucket: Bucket } = made.options
    const Key = `blobs/${digestOf(large).replace(':', '/')}`
    await made.bucket.client.send(new PutObjectCommand({ Bucket, Key, Body: 'cut' }))
    proxy.mishaps(['unknown'], COMPLETE)
    const putting = putBytes(made.store, made.spools, large)
    expect(await caught(putting)).toMatchObject({
      message: expect.stringContaining('404 NoSuchUpload') as string,
    })
  })

  it('leave no upload behind when they are aborted between parts', async () => {
    await using made = await subject()
    const blob = blobOf(large)
    await using spool = await spoolOf(made.spools, large)
    const controller = new AbortController()
    const reason = new Error('gone')
    const aborting = watched(spool, (position) => {
      if (position >= 8 * MIB) controller.abort(reason)
    })
    await expect(made.store.put(blob, aborting, controller.signal)).rejects.toBe(reason)
    expect(await statsOf(made.store)).toEqual([])
    expect(await leftIn(made.options)).toEqual([])
  })

  it('of which a killed process left parts have them removed, but for those on their way', async () => {
    await using made = await subject()
    const { bucket: Bucket } = made.options
    await using bucket = new S3Bucket(made.options)
    const target = { Bucket, Key: `blobs/${digestOf(large).replace(':', '/')}` }
    const { UploadId } = await bucket.client.send(new CreateMultipartUploadCommand(target))
    const part = { ...target, UploadId, PartNumber: 1, Body: Buffer.alloc(1_000) }
    await bucket.client.send(new UploadPartCommand(part))
    const [left] = await made.uploads.leftovers()
    expect(left).toMatchObject({ name: `${target.Key} ${UploadId}`, sizeBytes: 1_000 })
    await using spool = await spoolOf(made.spools, large)
    const seen: Leftover[][] = []
    const watching = watched(spool, async () => {
      seen.push(await made.uploads.leftovers())
    })
    await made.store.put(blobOf(large), watching, new AbortController().signal)
    expect(seen[0]).toEqual([left])
    await made.uploads.removeLeftover(left!.name)
    await made.uploads.removeLeftover(left!.name)
    expect(await leftIn(made.options)).toEqual([])
  })

  it('leave alone what others upload to the same bucket', async () => {
    await using made = await subject()
    await using others = new S3Bucket({ ...made.options, prefix: 'others' })
    const target = { Bucket: others.name, Key: others.key('blobs/1') }
    const { UploadId } = await others.client.send(new CreateMultipartUploadCommand(target))
    expect(await made.uploads.leftovers()).toEqual([])
    expect(await new Uploads(others).leftovers()).toMatchObject([
      { name: `${target.Key} ${UploadId}` },
    ])
  })

  it('are not taken for left behind before S3 has answered that their upload began', async () => {
    await using made = await subject()
    const answered = heldAnswer(made.bucket, 'CreateMultipartUploadCommand')
    await using spool = await spoolOf(made.spools, large)
    const putting = made.store.put(blobOf(large), spool, new AbortController().signal)
    await answered.reached
    expect(await made.uploads.leftovers()).toEqual([])
    expect(await leftIn(made.options)).toHaveLength(1)
    answered.open()
    await putting
  })

  it('are not taken for left behind when their upload ends while it is looked at', async () => {
    await using made = await subject()
    const begun = heldAnswer(made.bucket, 'CreateMultipartUploadCommand')
    await using spool = await spoolOf(made.spools, large)
    const putting = made.store.put(blobOf(large), spool, new AbortController().signal)
    await begun.reached
    const listed = heldAnswer(made.bucket, 'ListMultipartUploadsCommand')
    const looking = made.uploads.leftovers()
    await listed.reached
    begun.open()
    await putting
    listed.open()
    expect(await looking).toEqual([])
  })

  it('come once for all who read them at once', async () => {
    await using proxy = await FaultProxy.start(server.url)
    await using made = await subject({ endpoint: proxy.url })
    const { digest } = await putBytes(made.store, made.spools, large)
    const before = proxy.requests.length
    const read = async () => {
      await using reader = await made.store.open(digest)
      return Buffer.from(await readAll(reader!, large.length)).equals(large)
    }
    expect(await Promise.all(Array.from({ length: 20 }, read))).toEqual(Array(20).fill(true))
    expect(
      proxy.requests.slice(before).filter((request) => request.startsWith('GET')),
    ).toHaveLength(1)
  })

  it('are read on where a connection was cut, and asked for again when S3 is too busy', async () => {
    await using proxy = await FaultProxy.start(server.url)
    await using made = await subject({ endpoint: proxy.url })
    const blob = await putBytes(made.store, made.spools, large)
    {
      await using reader = await made.store.open(blob.digest)
      proxy.cutAfter(3 * MIB)
      const copy = Buffer.from(await readAll(reader!, large.length))
      expect(copy.equals(large)).toBe(true)
    }
    expect(proxy.faults).toBe(1)
    proxy.slowDown(2)
    expect((await bytesIn(made.store, blob))?.equals(large)).toBe(true)
    expect(proxy.faults).toBe(3)
  })

  it('are deleted by the thousand, with the checksum that all servers know', async () => {
    await using proxy = await FaultProxy.start(server.url)
    await using made = await subject({ endpoint: proxy.url })
    const contents = [0, 1, 2].map((index) => bytesOf(`deleted ${index}`, 10))
    for (const content of contents) await putBytes(made.store, made.spools, content)
    const never = Array.from({ length: 2_000 }, (_, index) => digestOf(Buffer.from(`${index}`)))
    const digests = [...never, ...contents.map((content) => digestOf(content))]
    proxy.requests.length = 0
    expect(await made.store.delete(digests)).toEqual([])
    expect(proxy.requests).toHaveLength(3)
    for (const request of proxy.requests) {
      expect(request).toMatch(/^POST .*\?delete/)
      expect(request).toMatch(/\r\ncontent-md5: /i)
      expect(request).not.toMatch(/\r\nx-amz-checksum/i)
    }
    expect(await statsOf(made.store)).toEqual([])
  })

  it('that S3 does not let go are told, and the others are gone', async () => {
    const Bucket = 'locked'
    await using made = await subject({ bucket: Bucket })
    await using bucket = new S3Bucket(made.options)
    await bucket.client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }))
    const [held, free] = ['held', 'free'].map((seed) => bytesOf(seed, 10))
    for (const content of [held!, free!]) await putBytes(made.store, made.spools, content)
    const { digest } = blobOf(held!)
    const Key = `blobs/${digest.replace(':', '/')}`
    const hold = { Bucket, Key, LegalHold: { Status: 'ON' } } as const
    await bucket.client.send(new PutObjectLegalHoldCommand(hold))
    const undeleted = await made.store.delete([digest, blobOf(free!).digest])
    expect(undeleted.map((one) => one.digest)).toEqual([digest])
    expect(undeleted[0]?.error).toMatchObject({ name: 'StoreError', kind: 'io' })
    expect(undeleted[0]?.error.message).toContain(`${Key}: S3 answered AccessDenied`)
    expect(await statsOf(made.store)).toEqual([{ digest, sizeBytes: 10 }])
  })

  it('are read one after the other without a connection for each', async () => {
    await using proxy = await FaultProxy.start(server.url)
    await using made = await subject({ endpoint: proxy.url })
    const blob = await putBytes(made.store, made.spools, bytesOf('one', 100_000))
    for (let reads = 0; reads < 5; reads++) {
      await using reader = await made.store.open(blob.digest)
      // Up to the last byte, and no further, as answers are written.
      await readExactly(reader!, reader!.sizeBytes)
    }
    // Of one that has just become free the next may not know yet.
    expect(proxy.connections).toBeLessThanOrEqual(2)
  })

  it('are given by links to all of them, to whoever has one', async () => {
    await using made = await subject()
    const bytes = bytesOf('linked', 1_000)
    const { digest, sizeBytes } = await putBytes(made.store, made.spools, bytes)
    const link = await made.store.link({ digest, sizeBytes }, 60_000)
    const answer = await fetch(link!)
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    expect(await made.store.link({ digest, sizeBytes: 999 }, 60_000)).toBeUndefined()
    await made.store.delete([digest])
    expect(await made.store.link({ digest, sizeBytes }, 60_000)).toBeUndefined()
  })

  it('fail as io when S3 cannot be reached, with the reason', async () => {
    await using made = await subject({ endpoint: new URL(`http://127.0.0.1:${await freePort()}`) })
    const { digest } = blobOf(large)
    const opening = made.store.open(digest)
    await expect(opening).rejects.toMatchObject({ name: 'StoreError', kind: 'io' })
    await expect(opening).rejects.toThrow('ECONNREFUSED')
    const undeleted = await made.store.delete([digest])
    expect(undeleted).toMatchObject([{ digest, error: { name: 'StoreError', kind: 'io' } }])
  })

  it('share a bucket with others below prefixes', async () => {
    await using made = await subject()
    const bytes = bytesOf('one', 100)
    await putBytes(made.store, made.spools, bytes)
    await using other = storeIn(new S3Bucket({ ...made.options, prefix: 'team/mirror' }))
    expect(await statsOf(other)).toEqual([])
    const blob = await putBytes(other, made.spools, bytes)
    await made.store.delete([blob.digest])
    expect(await statsOf(other)).toEqual([blob].map(({ digest }) => ({ digest, sizeBytes: 100 })))
  })

  async function subject(other: Partial<S3Options> = {}) {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const spools = new FileSpoolFolder(join(folder.path, 'spool'))
    await spools.clear()
    const options = { ...(await server.makeBucket()), ...other }
    const bucket = new S3Bucket(options)
    const uploads = new Uploads(bucket)
    const store = stack.use(new S3Store(bucket, uploads))
    const owned = stack.move()
    return {
      options,
      bucket,
      store,
      uploads,
      spools,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    }
  }
})

function storeIn(bucket: S3Bucket): S3Store {
  return new S3Store(bucket, new Uploads(bucket))
}

/** Answers to such commands have come, but are not heard of before the gate is open. */
function heldAnswer({ client }: S3Bucket, command: string): Gate {
  const gate = new Gate()
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const answer = await next(args)
      if (context.commandName === command) await gate.pass()
      return answer
    },
    { step: 'initialize' },
  )
  return gate
}

async function leftIn(options: S3Options): Promise<Leftover[]> {
  await using bucket = new S3Bucket(options)
  return new Uploads(bucket).leftovers()
}

/** The spool, of which each read is told before it is made. */
function watched(spool: Spool, before: (position: number) => unknown): Spool {
  return {
    path: spool.path,
    sizeBytes: spool.sizeBytes,
    append: (bytes) => spool.append(bytes),
    async readAt(into, position) {
      await before(position)
      return spool.readAt(into, position)
    },
    sync: () => spool.sync(),
    moveTo: (path) => spool.moveTo(path),
    [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose](),
  }
}
