import { describe, expect, it, test } from 'vitest'
import { parseRepository, parseTag } from '../src/oci/reference.ts'
import { readAll } from '../src/util/byte-reader.ts'
import { caught } from './support/caught.ts'
import { answering, fakeHelper } from './support/credential-program.ts'
import { startFakeHub } from './support/fake-hub/fake-hub.ts'
import { HttpProxy } from './support/http-proxy.ts'
import { buildImage } from './support/images.ts'
import { openUpstreamOf } from './support/open-upstream.ts'

const repository = parseRepository('library/demo')!
const ref = { kind: 'tag', repository, tag: parseTag('1')! } as const
const options = { signal: new AbortController().signal }
const image = await buildImage()

test('every credential is used up before pulls are limited, and none by a HEAD', async () => {
  const credentials = ['alice', 'bob'].map((username) => ({ username, password: 'x' }))
  const limit = 20
  await using hub = await startFakeHub({ credentials, rateLimit: { limit } })
  hub.add(repository, '1', image)
  await using upstream = await openUpstreamOf({ url: hub.url, credentials })
  for (let pulls = 0; pulls < 2 * limit; pulls++) {
    await upstream.source.resolve(ref, options)
    expect((await upstream.source.manifest(ref, options))?.descriptor.digest).toBe(
      image.root.digest,
    )
  }
  expect(await caught(upstream.source.manifest(ref, options))).toMatchObject({
    kind: 'rate-limited',
  })
  const { state, budget } = upstream.stats()
  expect(state).toBe('closed')
  expect(budget).toMatchObject([
    { credential: 'alice', limit, remaining: 0 },
    { credential: 'bob', limit, remaining: 0 },
  ])
})

test('another endpoint answers while the first is down, and the first again when it is back', async () => {
  await using hub = await startFakeHub({ auth: 'none' })
  await using other = await startFakeHub({ auth: 'none' })
  for (const registry of [hub, other]) registry.add(repository, '1', image)
  await using upstream = await openUpstreamOf({ url: hub.url, failover: [{ url: other.url }] })
  const pull = async () => (await upstream.source.manifest(ref, options))?.descriptor.digest
  expect(await pull()).toBe(image.root.digest)
  expect(other.count({ kind: 'manifest' })).toBe(0)
  await hub.goDown('registry')
  expect(await pull()).toBe(image.root.digest)
  expect(other.count({ kind: 'manifest' })).toBe(1)
  expect(upstream.stats().endpoints).toMatchObject([
    { url: `${hub.url}/` },
    { url: `${other.url}/` },
  ])
  await hub.comeBack('registry')
  expect(await pull()).toBe(image.root.digest)
  expect(other.count({ kind: 'manifest' })).toBe(1)
})

test('an endpoint that refuses all requests is left alone by every user, and the next is asked', async () => {
  const credentials = ['alice', 'bob'].map((username) => ({ username, password: 'x' }))
  await using hub = await startFakeHub({ credentials, rateLimit: { limit: 20 } })
  await using other = await startFakeHub({ auth: 'none' })
  for (const registry of [hub, other]) registry.add(repository, '1', image)
  const failover = [{ url: other.url }]
  await using upstream = await openUpstreamOf({ url: hub.url, credentials, failover })
  await upstream.source.resolve(ref, options)
  hub.forgetRequests()
  const headers = { 'retry-after': '30' }
  hub.fault({ server: 'registry' }, { kind: 'answer', status: 429, headers })
  for (let pulls = 1; pulls <= 3; pulls++) {
    expect(await upstream.source.manifest(ref, options)).toBeDefined()
    expect(other.count({ kind: 'manifest' })).toBe(pulls)
  }
  expect(hub.count({ kind: 'manifest' })).toBe(1)
  const { state, endpoints } = upstream.stats()
  expect(state).toBe('closed')
  expect(endpoints).toMatchObject([
    { limitedUntil: expect.any(String) as string },
    { limitedUntil: null },
  ])
})

test('a user who got a 429 is left alone, and shown to be', async () => {
  const credentials = ['alice', 'bob'].map((username) => ({ username, password: 'x' }))
  await using hub = await startFakeHub({ credentials, rateLimit: { limit: 20 } })
  hub.add(repository, '1', image)
  await using upstream = await openUpstreamOf({ url: hub.url, credentials })
  await upstream.source.resolve(ref, options)
  hub.exhaustRateLimit('alice')
  expect(await upstream.source.manifest(ref, options)).toBeDefined()
  const [endpoint] = upstream.stats().endpoints
  expect(endpoint).toMatchObject({
    limitedUntil: null,
    budget: [
      { credential: 'alice', remaining: 0, limitedUntil: expect.any(String) as string },
      { credential: 'bob', remaining: 19, limitedUntil: null },
    ],
  })
})

describe('an upstream is low', () => {
  const alice = { username: 'alice', password: 'x' }
  const bob = { username: 'bob', password: 'x' }

  it('where less than a tenth is left to everyone who has a limit', async () => {
    const credentials = [alice, bob]
    await using hub = await startFakeHub({ credentials, rateLimit: { limit: 20 } })
    await using unlimited = await startFakeHub({ auth: 'none' })
    for (const registry of [hub, unlimited]) registry.add(repository, '1', image)
    const failover = [{ url: unlimited.url }]
    await using upstream = await openUpstreamOf({ url: hub.url, credentials, failover })
    expect(upstream.isLow()).toBe(false)
    hub.exhaustRateLimit('alice')
    await upstream.source.resolve(ref, options)
    await upstream.source.resolve(ref, options)
    expect(upstream.isLow()).toBe(false)
    hub.exhaustRateLimit('bob')
    await upstream.source.resolve(ref, options)
    expect(upstream.isLow()).toBe(true)
  })

  it.each([
    ['pulls', { 'retry-after': '30', 'x-ratelimit-reset': '30' }],
    ['requests', { 'retry-after': '30' }],
  ])('while it limits our %s, though it tells no limit', async (_, headers) => {
    await using hub = await startFakeHub({ auth: 'none' })
    hub.add(repository, '1', image)
    hub.fault({ times: 1 }, { kind: 'answer', status: 429, headers })
    await using upstream = await openUpstreamOf({ url: hub.url })
    await caught(upstream.source.manifest(ref, options))
    expect(upstream.isLow()).toBe(true)
  })
})

test('registry, token server and CDN are asked through the proxy', async () => {
  const alice = { username: 'alice', password: 'x' }
  await using hub = await startFakeHub({ host: 'hub.test', credentials: [alice] })
  hub.add(repository, '1', image)
  await using proxy = await HttpProxy.start({ credentials: 'bob:s%cret' })
  const http = `http://bob:s%25cret@${proxy.url.host}`
  await using upstream = await openUpstreamOf({ url: hub.url, credentials: [alice] }, { http })
  const [digest] = image.blobs.keys()
  expect(await upstream.source.manifest(ref, options)).toBeDefined()
  const blob = await upstream.source.blob(repository, digest!, options)
  expect(await readAll(blob!.body, 1e6)).toEqual(image.blobs.get(digest!))
  expect([...new Set(proxy.asked.map((line) => new URL(line.split(' ')[1]!).origin))]).toEqual([
    hub.url,
    hub.tokenUrl,
    hub.cdnUrl,
  ])

  await using direct = await openUpstreamOf({ url: hub.url, proxy: 'none' }, { http })
  expect(await caught(direct.source.manifest(ref, options))).toMatchObject({ kind: 'unreachable' })
})

test('limits are told of the user that a credential helper has named', async () => {
  const credentials = [{ username: 'alice', password: 'x' }]
  await using hub = await startFakeHub({ credentials, rateLimit: { limit: 5 } })
  hub.add(repository, '1', image)
  await using helper = await fakeHelper('test', answering('alice', 'x'))
  await using upstream = await openUpstreamOf({ url: hub.url, credentials: [{ helper: 'test' }] })
  expect(await upstream.source.manifest(ref, options)).toBeDefined()
  expect(upstream.isPublic).toBe(false)
  expect(upstream.stats().budget).toMatchObject([{ credential: 'alice', remaining: 4 }])
  expect(await helper.asked()).toEqual([new URL(hub.url).host])
})
