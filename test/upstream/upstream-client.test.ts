import { describe, expect, it } from 'vitest'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import type { Blob } from '../../src/oci/source.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { sourceContract } from '../contract/source-contract.ts'
import { caught } from '../support/caught.ts'
import { startFakeHub, type FakeHub, type FakeHubOptions } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { openClient } from '../support/upstream-client.ts'

sourceContract('the upstream client', (hub) => {
  const opened = openClient(hub)
  return {
    source: opened.client,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
})

const signal = new AbortController().signal
const repository = parseRepository('library/demo')!
const image = await buildImage({ layerBytes: 200_000 })
const root = image.root
const byTag: Reference = { kind: 'tag', repository, tag: parseTag('1')! }
const byDigest: Reference = { kind: 'digest', repository, digest: root.digest }
const [layerDigest, layerBytes] = [...image.blobs].find(([, bytes]) => bytes.length > 200_000)!
const MANIFESTS = { server: 'registry', path: /manifests/ } as const

async function startHub(options: FakeHubOptions = {}): Promise<FakeHub> {
  const hub = await startFakeHub(options)
  hub.add(repository, '1', image)
  return hub
}

async function bytesOfBlob(blob: Blob | undefined): Promise<Buffer> {
  await using body = blob!.body
  return Buffer.from(await readAll(body, 10_000_000))
}

describe('manifests', () => {
  it('are asked for with the four types and no others', async () => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    await opened.client.manifest(byTag, { signal })
    expect(hub.requests[0]?.headers).toMatchObject({
      accept: [
        'application/vnd.oci.image.index.v1+json',
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.docker.distribution.manifest.list.v2+json',
        'application/vnd.docker.distribution.manifest.v2+json',
      ].join(', '),
      'user-agent': 'entrepot/test',
    })
  })

  it('are resolved by a HEAD alone', async () => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    await opened.client.resolve(byTag, { signal })
    expect(hub.requests.map(({ method }) => method)).toEqual(['HEAD'])
  })

  it.each([
    ['no digest', { 'docker-content-digest': undefined }],
    ['a malformed digest', { 'docker-content-digest': 'sha256:1' }],
    ['no length', { 'content-length': undefined }],
    ['no useful type', { 'content-type': 'application/json' }],
  ])('are resolved by a GET where HEAD tells %s', async (_, headers) => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({ method: 'HEAD' }, { kind: 'headers', headers })
    const resolved = await opened.client.resolve(byTag, { signal })
    expect(resolved?.descriptor).toEqual(root)
  })

  it('are resolved by a GET where HEAD is not allowed', async () => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({ method: 'HEAD' }, { kind: 'answer', status: 405 })
    expect((await opened.client.resolve(byTag, { signal }))?.descriptor).toEqual(root)
  })

  it.each([undefined, '0'])(
    'are resolved by a GET where HEAD tells a length of %s',
    async (length) => {
      await using hub = await startHub({ auth: 'none' })
      await using opened = openClient(hub)
      const headers = { 'content-length': length }
      hub.fault({ method: 'HEAD' }, { kind: 'headers', headers })
      expect((await opened.client.resolve(byTag, { signal }))?.descriptor).toEqual(root)
    },
  )

  it.each(['application/json', 'application/octet-stream', 'text/plain; charset=utf-8'])(
    'that come as %s are what they say they are',
    async (type) => {
      await using hub = await startHub()
      await using opened = openClient(hub)
      hub.fault(MANIFESTS, { kind: 'headers', headers: { 'content-type': type } })
      const manifest = await opened.client.manifest(byTag, { signal })
      expect(manifest?.descriptor).toEqual(root)
    },
  )

  it('without a digest header are digested by us', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    hub.fault(MANIFESTS, { kind: 'headers', headers: { 'docker-content-digest': undefined } })
    expect((await opened.client.manifest(byTag, { signal }))?.descriptor).toEqual(root)
  })

  it.each([
    ['wrong bytes by digest', byDigest, { kind: 'flip', atByte: 3 }],
    ['wrong bytes by tag', byTag, { kind: 'flip', atByte: 3 }],
    ['a type that is none', byTag, { kind: 'answer', status: 200, body: '{"mediaType":"a/b"}' }],
    ['what is not JSON', byTag, { kind: 'answer', status: 200, body: 'hello' }],
    ['an empty body', byTag, { kind: 'answer', status: 200 }],
  ] as const)('with %s are invalid', async (_, ref, fault) => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    hub.fault({ ...MANIFESTS, skip: 1 }, fault)
    const error = await caught(opened.client.manifest(ref, { signal }))
    expect(error).toMatchObject({ kind: 'invalid', upstream: 'hub.test' })
  })

  it('whose HEAD names another digest than the one asked for are invalid', async () => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    const headers = { 'docker-content-digest': digestOf(Buffer.from('other')) }
    hub.fault(MANIFESTS, { kind: 'headers', headers })
    const error = await caught(opened.client.resolve(byDigest, { signal }))
    expect(error).toMatchObject({ kind: 'invalid' })
  })

  const v1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
  it.each([
    ['by its type', { 'content-type': v1 }, '{}'],
    ['by its content', { 'content-type': 'text/plain' }, '{"schemaVersion":1}'],
  ])('of schema 1, known %s, are refused with the reason', async (_, headers, body) => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status: 200, headers, body })
    const error = await caught(opened.client.manifest(byTag, { signal }))
    expect(error).toMatchObject({ kind: 'invalid' })
    expect((error as Error).message).toContain('schema 1, which is no longer supported')
  })

  it('too large are not read further than 4 MiB', async () => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status: 200, body: Buffer.alloc(64 * 1024 * 1024) })
    hub.fault({}, { kind: 'headers', headers: { 'content-length': undefined } })
    const error = await caught(opened.client.manifest(byTag, { signal }))
    expect((error as Error).message).toContain('larger than 4 MiB')
    expect(hub.bytesSent()).toBeLessThan(32 * 1024 * 1024)
  })

  it.each(['HEAD', 'GET'] as const)(
    'are absent where another registry, to which a %s is redirected, lacks them',
    async (method) => {
      await using hub = await startHub({ auth: 'none' })
      await using other = await startFakeHub({ auth: 'none' })
      await using opened = openClient(hub)
      const location = new URL('/v2/images/demo/manifests/1', other.url).href
      hub.fault(MANIFESTS, { kind: 'answer', status: 307, headers: { location } })
      const ask = method === 'HEAD' ? 'resolve' : 'manifest'
      expect(await opened.client[ask](byTag, { signal })).toBeUndefined()
      expect(other.requests).toMatchObject([{ method, status: 404 }])
    },
  )
})

describe('blobs', () => {
  it('come from the CDN, which never sees Authorization', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    const range = { first: 5 }
    expect(
      await bytesOfBlob(await opened.client.blob(repository, layerDigest, { signal })),
    ).toEqual(layerBytes)
    await bytesOfBlob(await opened.client.blob(repository, layerDigest, { signal, range }))
    await opened.client.statBlob(repository, layerDigest, { signal })
    const redirected = hub.matching({ server: 'cdn' })
    expect(redirected.map(({ method, status }) => [method, status])).toEqual([
      ['GET', 200],
      ['GET', 206],
      ['HEAD', 200],
    ])
    for (const { headers } of redirected) expect(headers).not.toHaveProperty('authorization')
    expect(redirected[1]?.headers).toMatchObject({ range: 'bytes=5-' })
  })

  it('come from the registry itself where that sends them', async () => {
    await using hub = await startHub({ blobs: 'direct' })
    await using opened = openClient(hub)
    const range = { suffixBytes: 9 }
    const blob = await opened.client.blob(repository, layerDigest, { signal, range })
    expect(await bytesOfBlob(blob)).toEqual(layerBytes.subarray(-9))
  })

  it('without a length are measured by a HEAD', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    const chunked = { kind: 'headers', headers: { 'content-length': undefined } } as const
    hub.fault({ server: 'cdn', method: 'GET' }, chunked)
    const blob = await opened.client.blob(repository, layerDigest, { signal })
    expect(blob?.descriptor.sizeBytes).toBe(layerBytes.length)
    expect(await bytesOfBlob(blob)).toEqual(layerBytes)
  })

  it('without a length anywhere are invalid', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    hub.fault({ server: 'cdn' }, { kind: 'headers', headers: { 'content-length': undefined } })
    const error = await caught(opened.client.blob(repository, layerDigest, { signal }))
    expect(error).toMatchObject({ kind: 'invalid' })
  })

  it.each([
    ['another part', 'bytes 0-9/200'],
    ['a shorter part', 'bytes 10-11/200'],
    ['no size', 'bytes 10-19/*'],
    ['nothing', undefined],
  ])('whose Content-Range tells of %s are invalid', async (_, contentRange) => {
    await using hub = await startHub({ auth: 'none', blobs: 'direct' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'headers', headers: { 'content-range': contentRange } })
    const range = { first: 10, last: 19 }
    const error = await caught(opened.client.blob(repository, layerDigest, { signal, range }))
    expect(error).toMatchObject({ kind: 'invalid' })
  })

  it('that are cut or stall fail in the body, as transient', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub, { transport: { progressTimeoutMs: 50 } })
    hub.fault({ server: 'cdn', times: 1 }, { kind: 'cut', afterBytes: 1000 })
    const cut = await opened.client.blob(repository, layerDigest, { signal })
    expect(await caught(bytesOfBlob(cut))).toMatchObject({ kind: 'unreachable', transient: true })
    hub.fault({ server: 'cdn' }, { kind: 'hold', atByte: 1000 })
    const stalled = await opened.client.blob(repository, layerDigest, { signal })
    expect(await caught(bytesOfBlob(stalled))).toMatchObject({ kind: 'timeout', transient: true })
  })

  it('whose link has expired may be asked for again', async () => {
    await using hub = await startHub({ linkLifetimeMs: 0 })
    await using opened = openClient(hub)
    const error = await caught(opened.client.blob(repository, layerDigest, { signal }))
    expect(error).toMatchObject({ kind: 'server', status: 403, transient: true })
    expect((error as Error).message).not.toContain('signature=')
  })

  it.each([401, 404])(
    'that the CDN answers with %d are neither absent nor denied',
    async (status) => {
      await using hub = await startHub()
      await using opened = openClient(hub)
      hub.fault({ server: 'cdn' }, { kind: 'answer', status })
      const error = await caught(opened.client.blob(repository, layerDigest, { signal }))
      expect(error).toMatchObject({ kind: 'server', status })
      expect(hub.count({ server: 'cdn' })).toBe(1)
    },
  )
})

describe('tags', () => {
  it.each([
    ['null where there are none', '{"tags":null}', []],
    ['names that are no tags', '{"tags":["1","..","a b","-x"]}', ['1']],
  ])('takes %s', async (_, body, tags) => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status: 200, body })
    expect(await opened.client.tags(repository, {}, { signal })).toEqual({ tags, hasMore: false })
  })

  it('keeps to the limit where upstream does not', async () => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status: 200, body: '{"tags":["1","2","3"]}' })
    const page = await opened.client.tags(repository, { limit: 2 }, { signal })
    expect(page).toEqual({ tags: ['1', '2'], hasMore: true })
  })

  it('go on behind the last one of a registry that tells all of them again', async () => {
    await using hub = await startFakeHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status: 200, body: '{"tags":["1","2","3"]}' })
    const page = { limit: 1, after: parseTag('1')! }
    expect(await opened.client.tags(repository, page, { signal })).toEqual({
      tags: ['2'],
      hasMore: true,
    })
  })

  it.each(['', 'null', '[]', '{}', '{"tags":"1"}', '{"tags":[1]}', '{"tags":{}}'])(
    'takes %s for no list',
    async (body) => {
      await using hub = await startHub({ auth: 'none' })
      await using opened = openClient(hub)
      hub.fault({}, { kind: 'answer', status: 200, body })
      const error = await caught(opened.client.tags(repository, {}, { signal }))
      expect(error).toMatchObject({ kind: 'invalid' })
    },
  )
})

describe('errors', () => {
  it.each([
    [503, {}, '{"errors":[{"code":"UNAVAILABLE","message":"come back\\nlater"}]}', 'come back'],
    [500, {}, '<html>Internal</html>', 'answered 500'],
    [403, {}, '{"errors":[{"code":"DENIED","message":""}]}', 'DENIED'],
    [429, { 'retry-after': '17' }, 'Too Many Requests', 'answered 429'],
    [418, {}, '', 'answered 418'],
  ])('of status %d say who and what', async (status, headers, body, words) => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status, headers, body })
    const error = await caught(opened.client.manifest(byTag, { signal }))
    const { message } = error as Error
    expect(message).toMatch(/^hub\.test: /)
    expect(message).toContain(words)
    expect(message).not.toContain('\n')
    expect(error).toMatchObject({
      status,
      retryAfterMs: status === 429 ? 17_000 : undefined,
    })
  })

  it.each([
    ['rate-limited', { 'ratelimit-limit': '100;w=21600' }, ''],
    ['rate-limited', { 'x-ratelimit-limit': '100' }, ''],
    ['rate-limited', { 'content-type': 'application/json' }, ''],
    ['rate-limited', {}, '{"errors":[{"code":"TOOMANYREQUESTS","message":"slower"}]}'],
    ['abuse-limited', {}, 'Too Many Requests'],
    ['abuse-limited', { 'content-type': 'text/html' }, '<html></html>'],
  ])('tell a limit of pulls from one of all requests: %s %j %j', async (kind, headers, body) => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status: 429, headers, body })
    expect(await caught(opened.client.manifest(byTag, { signal }))).toMatchObject({ kind })
  })

  it('tell a server that has waited for us in vain from a wrong question', async () => {
    await using hub = await startHub({ auth: 'none' })
    await using opened = openClient(hub)
    hub.fault({}, { kind: 'answer', status: 408 })
    const error = await caught(opened.client.manifest(byTag, { signal }))
    expect(error).toMatchObject({ kind: 'timeout', transient: true })
  })

  it('say how long a rate limit lasts', async () => {
    await using hub = await startHub({ rateLimit: { limit: 0, retryAfterSeconds: 30 } })
    await using opened = openClient(hub)
    const error = await caught(opened.client.manifest(byTag, { signal }))
    expect(error).toMatchObject({ kind: 'rate-limited', retryAfterMs: 30_000, transient: true })
    expect((error as Error).message).toContain('You have reached your pull rate limit')
  })
})

it('an upstream below a path is asked below that path', async () => {
  await using hub = await startHub({ auth: 'none' })
  await using opened = openClient(hub, { url: new URL(`${hub.url}/mirror/`) })
  const unknown: Digest = digestOf(Buffer.from('unknown'))
  expect(await opened.client.statBlob(repository, unknown, { signal })).toBeUndefined()
  expect(hub.requests[0]?.path).toBe(`/mirror/v2/library/demo/blobs/${unknown}`)
})
