import { assert, asyncProperty, constantFrom, nat, string } from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { RegistryError } from '../../src/oci/registry-error.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../src/oci/upstream-error.ts'
import { errorOf, image, startMirror, type TestMirror } from './mirror.ts'

const digest = digestOf(Buffer.from('x'))

let mirror: TestMirror

beforeEach(async () => {
  mirror = await startMirror()
})

afterEach(() => mirror[Symbol.asyncDispose]())

function failWith(error: Error): void {
  mirror.hub.before = async () => {
    throw error
  }
}

describe('trouble upstream', () => {
  test.each<[UpstreamErrorKind, number, string]>([
    ['unreachable', 503, 'UNAVAILABLE'],
    ['server', 503, 'UNAVAILABLE'],
    ['token', 503, 'UNAVAILABLE'],
    ['timeout', 504, 'UPSTREAM_TIMEOUT'],
    ['invalid', 502, 'UPSTREAM_INVALID'],
    ['refused', 502, 'UPSTREAM_INVALID'],
    ['denied', 403, 'DENIED'],
  ])('%s is %i %s, on every endpoint', async (kind, status, code) => {
    failWith(new UpstreamError('docker.io', kind, 'inner 10.0.0.7 detail'))
    for (const path of ['manifests/1', `manifests/${digest}`, `blobs/${digest}`, 'tags/list']) {
      const answer = await mirror.ask(`/v2/library/demo/${path}`)
      expect(answer.status).toBe(status)
      expect(answer.headers).toMatchObject({
        'docker-distribution-api-version': 'registry/2.0',
        'content-type': 'application/json',
      })
      expect(answer.headers['retry-after']).toBeUndefined()
      expect(errorOf(answer)).toMatchObject({ code })
      expect(errorOf(answer).message).toContain('docker.io')
      expect(answer.body.toString()).not.toContain('10.0.0.7')
    }
  })

  test('the access line has the whole story', async () => {
    const cause = new Error('connect ECONNREFUSED')
    failWith(new UpstreamError('docker.io', 'unreachable', 'no connection', { cause }))
    await mirror.ask('/v2/library/demo/manifests/1')
    expect(await mirror.accessLine()).toMatchObject({
      status: 503,
      upstream: 'docker.io',
      error: 'UpstreamError: no connection <- Error: connect ECONNREFUSED',
    })
    expect(mirror.events.totals().pulls.miss).toBe(0)
  })

  test('its wish to be left alone is passed on in whole seconds', async () => {
    failWith(new UpstreamError('docker.io', 'server', 'busy', { retryAfterMs: 1200 }))
    const answer = await mirror.ask('/v2/library/demo/manifests/1')
    expect(answer.headers['retry-after']).toBe('2')
  })
})

describe("the upstream's limit is reached", () => {
  const limited = new UpstreamError('docker.io', 'rate-limited', 'too many', {
    retryAfterMs: 90_000,
  })

  test.each([
    ['/v2/library/demo/manifests/1', 503, 'UNAVAILABLE'],
    ['/v2/library/demo/manifests/1?ns=docker.io', 503, 'UNAVAILABLE'],
    ['/v2/docker.io/library/demo/manifests/1', 429, 'TOOMANYREQUESTS'],
    ['/v2/docker.io/library/demo/manifests/1?ns=docker.io', 503, 'UNAVAILABLE'],
  ])('%s: %i', async (path, status, code) => {
    failWith(limited)
    const answer = await mirror.ask(path)
    expect(answer.status).toBe(status)
    expect(answer.headers['retry-after']).toBe('90')
    expect(errorOf(answer).code).toBe(code)
    expect(errorOf(answer).message).toMatch(/docker\.io limits/)
  })

  test('a minute is the answer where upstream gave none', async () => {
    failWith(new UpstreamError('docker.io', 'rate-limited', 'too many'))
    const answer = await mirror.ask('/v2/library/demo/manifests/1')
    expect(answer.headers['retry-after']).toBe('60')
  })
})

test('an error that nobody foresaw is told to the log alone', async () => {
  failWith(new TypeError('secret internals'))
  const answer = await mirror.ask('/v2/library/demo/manifests/1')
  expect(answer.status).toBe(500)
  expect(errorOf(answer)).toEqual({ code: 'UNKNOWN', message: 'the mirror failed' })
  const line = mirror.logLines.find(({ msg }) => msg === 'request failed')
  expect(line?.['stack']).toContain('TypeError: secret internals')
})

test('an error made for the wire goes out as it is', async () => {
  failWith(new RegistryError('DENIED', 'not allowed here', { detail: { rule: 'deny' } }))
  const answer = await mirror.ask('/v2/library/demo/manifests/1')
  expect(answer.status).toBe(403)
  expect(errorOf(answer)).toEqual({
    code: 'DENIED',
    message: 'not allowed here',
    detail: { rule: 'deny' },
  })
})

test.each([
  ['PUT', '/v2/library/demo/manifests/1'],
  ['POST', '/v2/library/demo/blobs/uploads/'],
  ['PATCH', '/v2/library/demo/blobs/uploads/5f0c'],
  ['DELETE', `/v2/library/demo/blobs/${digest}`],
])('%s %s: pushes are refused', async (method, path) => {
  const answer = await mirror.ask(path, { method })
  expect(answer.status).toBe(405)
  expect(answer.headers['allow']).toBe('GET, HEAD')
  expect(errorOf(answer).code).toBe('UNSUPPORTED')
})

test.each(['GET', 'HEAD'])('%s of an upload: there is none', async (method) => {
  const answer = await mirror.ask('/v2/library/demo/blobs/uploads/5f0c', { method })
  expect(answer.status).toBe(404)
  if (method === 'GET') expect(errorOf(answer).code).toBe('BLOB_UPLOAD_UNKNOWN')
})

test.each([
  ['/v2/UPPER/manifests/1', 400, 'NAME_INVALID'],
  ['/v2/demo/manifests/-1', 400, 'TAG_INVALID'],
  ['/v2/demo/blobs/sha256:1', 400, 'DIGEST_INVALID'],
  ['/v2/demo/tags/list?n=x', 400, 'PAGINATION_NUMBER_INVALID'],
  ['/v2/demo/manifests/%2e%2e%2f1', 400, 'TAG_INVALID'],
  ['/v2/_catalog', 404, 'NAME_UNKNOWN'],
])('GET %s: %i %s', async (path, status, code) => {
  const answer = await mirror.ask(path)
  expect(answer.status).toBe(status)
  expect(errorOf(answer).code).toBe(code)
  expect(mirror.hub.asked).toEqual([])
})

test('no path whatever fails the mirror', async () => {
  const piece = constantFrom(
    '/',
    '/v2',
    '/manifests/',
    '/blobs/',
    '/tags/list',
    '/..',
    '%2e',
    '%',
    '?n=',
    '&',
    'ns=ghcr.io',
    'demo',
    image.root.digest,
    '//',
  )
  const visible = string({
    unit: constantFrom(...Array.from('!"#$&\'()*+,-./:;<=>?@[]^_`{|}~%aZ0')),
  })
  const path = nat(8).chain((length) =>
    string({ unit: piece, minLength: length, maxLength: length }),
  )
  await assert(
    asyncProperty(path, visible, constantFrom('GET', 'HEAD', 'DELETE'), async (a, b, method) => {
      for (const rest of [a, `/v2/${a}`, `/${b}`, `/v2/demo/manifests/${b}`]) {
        const answer = await mirror.ask(rest.startsWith('/') ? rest : `/${rest}`, { method })
        expect(answer.status).toBeLessThan(500)
      }
    }),
    { numRuns: 100 },
  )
})
