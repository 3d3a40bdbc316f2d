import { assert, asyncProperty, nat } from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { bytesOf } from '../support/images.ts'
import {
  contentHeadersOf,
  errorOf,
  repository,
  startMirror,
  type Answer,
  type TestMirror,
} from './mirror.ts'

const bytes = bytesOf('blob', 1_500_000)
const digest = digestOf(bytes)
const path = `/v2/library/demo/blobs/${digest}`

let mirror: TestMirror

beforeEach(async () => {
  mirror = await startMirror()
  mirror.hub.addBlob(repository, digest, bytes)
})

afterEach(async () => {
  expect(mirror.hub.openBodies).toBe(0)
  await mirror[Symbol.asyncDispose]()
})

function get(headers: Record<string, string>): Promise<Answer> {
  return mirror.ask(path, { headers })
}

test('a blob comes whole with all its headers', async () => {
  const answer = await mirror.ask(path)
  expect(answer.status).toBe(200)
  expect(answer.body.equals(bytes)).toBe(true)
  expect(contentHeadersOf(answer.headers)).toEqual({
    'content-type': 'application/octet-stream',
    'content-length': '1500000',
    'docker-content-digest': digest,
    'docker-distribution-api-version': 'registry/2.0',
    etag: `"${digest}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'max-age=31536000, immutable',
  })
  expect(await mirror.accessLine()).toMatchObject({
    kind: 'blob',
    reference: digest,
    bytes: 1_500_000,
    aborted: false,
  })
})

test('HEAD has the headers of GET, ignores Range and opens nothing', async () => {
  const whole = await mirror.ask(path)
  mirror.hub.asked.length = 0
  const head = await mirror.ask(path, { method: 'HEAD', headers: { range: 'bytes=0-1' } })
  expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) })
  expect(contentHeadersOf(head.headers)).toEqual(contentHeadersOf(whole.headers))
  expect(mirror.hub.asked).toEqual([`statBlob library/demo@${digest}`])
})

test('blobs of no bytes, of one chunk and of one byte more come whole', async () => {
  for (const size of [0, 1, 524_288, 524_289, 1_048_576]) {
    const content = bytesOf(`size ${size}`, size)
    mirror.hub.addBlob(repository, digestOf(content), content)
    const answer = await mirror.ask(`/v2/library/demo/blobs/${digestOf(content)}`)
    expect(answer.headers['content-length']).toBe(String(size))
    expect(answer.body.equals(content)).toBe(true)
  }
})

test('who has it is told so, without opening it', async () => {
  const answer = await get({ 'if-none-match': `"${digest}"` })
  expect(answer).toMatchObject({ status: 304, body: Buffer.alloc(0) })
  expect(mirror.hub.asked).toEqual([`statBlob library/demo@${digest}`])
})

test('an unknown blob is a 404, even to who says to have it', async () => {
  const other = digestOf(Buffer.from('unknown'))
  for (const headers of [{}, { 'if-none-match': `"${other}"` }]) {
    const answer = await mirror.ask(`/v2/library/demo/blobs/${other}`, { headers })
    expect(answer.status).toBe(404)
    expect(errorOf(answer)).toMatchObject({
      code: 'BLOB_UNKNOWN',
      detail: { name: 'library/demo', digest: other },
    })
  }
})

describe('ranges', () => {
  test.each([
    ['bytes=0-99', 0, 99],
    ['bytes=1400000-', 1_400_000, 1_499_999],
    ['bytes=-1', 1_499_999, 1_499_999],
    ['bytes=0-9999999', 0, 1_499_999],
    ['bytes=-9999999', 0, 1_499_999],
  ])('%s', async (range, first, last) => {
    const answer = await get({ range })
    expect(answer.status).toBe(206)
    expect(answer.headers).toMatchObject({
      'content-range': `bytes ${first}-${last}/1500000`,
      'content-length': String(last - first + 1),
      'docker-content-digest': digest,
    })
    expect(answer.body.equals(bytes.subarray(first, last + 1))).toBe(true)
  })

  test.each(['bytes=0-1,5-6', 'lines=1-2', 'bytes=x'])('%s is ignored', async (range) => {
    const answer = await get({ range })
    expect(answer.status).toBe(200)
    expect(answer.body).toHaveLength(bytes.length)
  })

  test.each(['bytes=1500000-', 'bytes=-0', 'bytes=5-2'])('%s lies outside: 416', async (range) => {
    const answer = await get({ range })
    expect(answer.status).toBe(416)
    expect(answer.headers['content-range']).toBe('bytes */1500000')
    expect(errorOf(answer).code).toBe('RANGE_INVALID')
  })

  test.each<[string, number]>([
    [`"${digest}"`, 206],
    [`W/"${digest}"`, 200],
    ['"other"', 200],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 200],
  ])('If-Range %s gives %i', async (header, status) => {
    expect((await get({ range: 'bytes=1-2', 'if-range': header })).status).toBe(status)
  })

  test('any range inside has the bytes asked for', async () => {
    await assert(
      asyncProperty(nat(bytes.length - 1), nat(700_000), async (first, more) => {
        const answer = await get({ range: `bytes=${first}-${first + more}` })
        expect(answer.status).toBe(206)
        expect(answer.body.equals(bytes.subarray(first, first + more + 1))).toBe(true)
      }),
      { numRuns: 50 },
    )
  })
})
