import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { contentHeadersOf, errorOf, image, startMirror, type TestMirror } from './mirror.ts'

const { digest, mediaType } = image.root
const { bytes } = image.manifests.get(digest)!
const unknown = digestOf(Buffer.from('unknown'))

let mirror: TestMirror

beforeEach(async () => {
  mirror = await startMirror()
})

afterEach(() => mirror[Symbol.asyncDispose]())

test.each(['/v2/', '/v2'])('GET %s says that this is a registry', async (path) => {
  const answer = await mirror.ask(path)
  expect(answer).toMatchObject({ status: 200, body: Buffer.from('{}') })
  expect(answer.headers).toMatchObject({
    'docker-distribution-api-version': 'registry/2.0',
    'content-type': 'application/json',
    'content-length': '2',
  })
  expect(await mirror.accessLine()).toMatchObject({ kind: 'ping', status: 200, bytes: 2 })
})

describe.each([
  ['tag', '1', 'no-cache'],
  ['digest', digest, 'max-age=31536000, immutable'],
])('a manifest by %s', (_, reference, cacheControl) => {
  const path = `/v2/library/demo/manifests/${reference}`

  test('comes byte for byte with its type and digest', async () => {
    const answer = await mirror.ask(path)
    expect(answer).toMatchObject({ status: 200, body: bytes })
    expect(contentHeadersOf(answer.headers)).toEqual({
      'content-type': mediaType,
      'content-length': String(bytes.length),
      'docker-content-digest': digest,
      'docker-distribution-api-version': 'registry/2.0',
      etag: `"${digest}"`,
      'cache-control': cacheControl,
    })
  })

  test('HEAD has the headers of GET and asks for no bytes', async () => {
    const get = await mirror.ask(path)
    mirror.hub.asked.length = 0
    const head = await mirror.ask(path, { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(head.body).toHaveLength(0)
    expect(contentHeadersOf(head.headers)).toEqual(contentHeadersOf(get.headers))
    expect(mirror.hub.asked).toEqual([expect.stringMatching(/^resolve /)])
  })

  test.each([`"${digest}"`, `W/"${digest}"`, `"x", "${digest}"`, '*'])(
    'is not sent again to who has it: If-None-Match %s',
    async (header) => {
      for (const method of ['GET', 'HEAD']) {
        const answer = await mirror.ask(path, { method, headers: { 'if-none-match': header } })
        expect(answer).toMatchObject({ status: 304, body: Buffer.alloc(0) })
        expect(answer.headers).toMatchObject({
          etag: `"${digest}"`,
          'docker-content-digest': digest,
          'cache-control': cacheControl,
        })
      }
    },
  )

  test('is sent to who has another', async () => {
    const headers = { 'if-none-match': `"${unknown}"` }
    expect((await mirror.ask(path, { headers })).status).toBe(200)
  })
})

test('a manifest that fills many packets comes whole', async () => {
  const large = Buffer.from(JSON.stringify({ schemaVersion: 2, x: 'ä'.repeat(1_500_000) }))
  const root = { mediaType, digest: digestOf(large), sizeBytes: large.length }
  const type = image.manifests.get(digest)!.mediaType
  const manifests = new Map([[root.digest, { mediaType: type, bytes: large }]])
  mirror.hub.add('library/large', '1', { root, manifests, blobs: new Map() })
  const answer = await mirror.ask('/v2/library/large/manifests/1')
  expect(answer.body.equals(large)).toBe(true)
})

test.each(['3', unknown])('an unknown manifest %s is a 404 that names it', async (reference) => {
  const answer = await mirror.ask(`/v2/demo/manifests/${reference}`)
  expect(answer.status).toBe(404)
  expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0')
  expect(errorOf(answer)).toEqual({
    code: 'MANIFEST_UNKNOWN',
    message: 'unknown manifest',
    detail: { name: 'demo', reference },
  })
})

test('HEAD of what is unknown has the headers of GET', async () => {
  const path = '/v2/library/demo/manifests/none'
  const [get, head] = [await mirror.ask(path), await mirror.ask(path, { method: 'HEAD' })]
  expect(head).toMatchObject({ status: 404, body: Buffer.alloc(0) })
  expect(contentHeadersOf(head.headers)).toEqual(contentHeadersOf(get.headers))
})

test('a stale answer says so', async () => {
  mirror.hub.outcome = 'stale'
  const answer = await mirror.ask('/v2/library/demo/manifests/1')
  expect(answer.headers['warning']).toBe('110 - "Response is stale"')
  expect(await mirror.accessLine()).toMatchObject({ outcome: 'stale' })
})

test('the registry that was meant is answered back', async () => {
  const answer = await mirror.ask('/v2/library/demo/manifests/1?ns=docker.io')
  expect(answer.headers['oci-namespace']).toBe('docker.io')
})

test('a registry that is not configured is a 404, and nobody is asked', async () => {
  const answer = await mirror.ask('/v2/library/demo/manifests/1?ns=evil.example.com')
  expect(answer.status).toBe(404)
  expect(errorOf(answer).code).toBe('NAME_UNKNOWN')
  expect(answer.headers['oci-namespace']).toBeUndefined()
  expect(mirror.hub.asked).toEqual([])
})

test('a path prefix leads to its upstream', async () => {
  mirror.ghcr.add('owner/app', '2', image)
  const answer = await mirror.ask('/v2/ghcr.io/owner/app/manifests/2')
  expect(answer.status).toBe(200)
  expect(mirror.ghcr.asked).toEqual(['manifest owner/app:2'])
})

test('the access line tells what was pulled and nothing of what is secret', async () => {
  await mirror.ask('/v2/demo/manifests/1?ns=docker.io&token=hush', {
    headers: { authorization: 'Basic hush', 'user-agent': 'docker/29.0' },
  })
  const line = await mirror.accessLine()
  expect(line).toMatchObject({
    method: 'GET',
    path: '/v2/demo/manifests/1',
    kind: 'manifest',
    status: 200,
    aborted: false,
    outcome: 'hit',
    upstream: 'docker.io',
    repository: 'library/demo',
    reference: '1',
    bytes: bytes.length,
    remote: '127.0.0.1',
    userAgent: 'docker/29.0',
  })
  expect(line['durationMs']).toBeGreaterThanOrEqual(line['firstByteMs'] as number)
  expect(JSON.stringify(mirror.logLines)).not.toContain('hush')
})

describe('tags', () => {
  beforeEach(() => {
    for (const tag of ['2', '3', '4']) mirror.hub.add('library/demo', tag, image)
  })

  test('all of them, under the name that was asked for', async () => {
    const answer = await mirror.ask('/v2/demo/tags/list')
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'docker-distribution-api-version': 'registry/2.0',
    })
    expect(answer.headers['link']).toBeUndefined()
    expect(JSON.parse(answer.body.toString())).toEqual({ name: 'demo', tags: ['1', '2', '3', '4'] })
  })

  test.each(['/v2/demo/tags/list?n=3&ns=docker.io', '/docker.io/v2/demo/tags/list?n=3'])(
    'page after page, by following the links from %s',
    async (first) => {
      const seen: string[] = []
      let path: string | undefined = first
      while (path !== undefined) {
        expect(path.split('?')[0]).toBe(first.split('?')[0])
        const answer = await mirror.ask(path)
        seen.push(...(JSON.parse(answer.body.toString()) as { tags: string[] }).tags)
        path = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers['link']))?.[1]
      }
      expect(seen).toEqual(['1', '2', '3', '4'])
      expect(mirror.hub.asked).toEqual(['tags library/demo 3', 'tags library/demo 3 3'])
    },
  )

  test('none, where none are asked for', async () => {
    const answer = await mirror.ask('/v2/demo/tags/list?n=0')
    expect(answer.headers['link']).toBeUndefined()
    expect(JSON.parse(answer.body.toString())).toEqual({ name: 'demo', tags: [] })
  })

  test('of an unknown repository: 404', async () => {
    const answer = await mirror.ask('/v2/nobody/tags/list?n=0')
    expect(answer.status).toBe(404)
    expect(errorOf(answer).code).toBe('NAME_UNKNOWN')
  })
})
