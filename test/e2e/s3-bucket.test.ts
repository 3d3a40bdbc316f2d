import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { S3Bucket } from '../../src/store/s3-bucket.ts'
import { Uploads } from '../../src/store/s3-uploads.ts'
import { freePort } from '../support/free-port.ts'
import { S3Server } from '../support/s3-server.ts'
import { haveTools } from '../support/tools.ts'

describe.runIf(haveTools('versitygw'))('a bucket of versitygw', () => {
  let server: S3Server
  beforeAll(async () => {
    server = await S3Server.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  it('that can be used is no complaint', async () => {
    await using bucket = new S3Bucket(await server.makeBucket())
    await bucket.check()
    expect(await new Uploads(bucket).leftovers()).toEqual([])
  })

  it('that is not there is named', async () => {
    await using bucket = new S3Bucket(server.options('nowhere'))
    await expect(bucket.check()).rejects.toThrow(
      'cannot use the bucket nowhere: there is no such bucket',
    )
  })

  it('that we may not use is told from one that is not there', async () => {
    const options = await server.makeBucket()
    const credentials = { accessKeyId: 'entrepot', secretAccessKey: 'wrong' }
    await using bucket = new S3Bucket({ ...options, credentials })
    await expect(bucket.check()).rejects.toThrow(
      'access is denied: the credentials are wrong (SignatureDoesNotMatch)',
    )
  })

  it('in another region is told which', async () => {
    await using bucket = new S3Bucket({ ...(await server.makeBucket()), region: 'eu-west-1' })
    await expect(bucket.check()).rejects.toThrow('it is in the region us-east-1')
  })

  it('that we may only read is told from one that we may not use at all', async () => {
    await using readOnly = await S3Server.start()
    const options = await readOnly.makeBucket()
    await readOnly.goDown()
    await readOnly.comeBack('--readonly')
    await using bucket = new S3Bucket(options)
    await expect(bucket.check()).rejects.toThrow(
      `cannot write to the bucket ${options.bucket}: access is denied: the credentials lack s3:PutObject`,
    )
  })

  it('that cannot be reached says how that was tried', async () => {
    const endpoint = new URL(`http://127.0.0.1:${await freePort()}`)
    await using bucket = new S3Bucket({ ...server.options('b-1'), endpoint })
    await expect(bucket.check()).rejects.toThrow(/cannot use the bucket b-1: .*ECONNREFUSED/)
  })
})
