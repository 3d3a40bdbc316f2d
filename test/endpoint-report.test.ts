import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag } from '../src/oci/reference.ts'
import { caught } from './support/caught.ts'
import { startFakeHub } from './support/fake-hub/fake-hub.ts'
import { buildImage } from './support/images.ts'
import { openUpstreamOf } from './support/open-upstream.ts'

const repository = parseRepository('library/demo')!
const ref = { kind: 'tag', repository, tag: parseTag('1')! } as const
const options = { signal: new AbortController().signal }
const image = await buildImage()

describe('a test of an upstream', () => {
  const { signal } = options
  const alice = { username: 'alice', password: 'x' }

  it('tells how we log in, as whom, and what is left, without a pull', async () => {
    const rateLimit = { limit: 10, windowSeconds: 3_600 }
    await using hub = await startFakeHub({ credentials: [alice], rateLimit })
    await using upstream = await openUpstreamOf({ url: hub.url, credentials: [alice] })
    const user = { credential: 'alice', limit: null, isAnswering: null, authentication: null }
    expect(upstream.entry().endpoints).toMatchObject([
      { proxy: null, latency: null, users: [user] },
    ])
    const { endpoints } = await upstream.test(signal)
    expect(endpoints).toMatchObject([
      {
        url: `${hub.url}/`,
        state: 'closed',
        users: [
          {
            credential: 'alice',
            isAnswering: true,
            authentication: { kind: 'bearer', realm: new URL(hub.tokenUrl).host },
            limit: 10,
            remaining: 10,
            error: null,
          },
        ],
      },
    ])
    const asked = hub.requests.filter(({ server }) => server === 'registry')
    expect(new Set(asked.map(({ method, path }) => `${method} ${path}`))).toEqual(
      new Set(['HEAD /v2/ratelimitpreview/test/manifests/latest']),
    )
    expect(endpoints[0]!.latency).toMatchObject({
      medianMs: expect.any(Number) as number,
      answers: asked.length,
    })
    const { error: _, durationMs: __, ...known } = endpoints[0]!.users[0]!
    expect(upstream.entry().endpoints[0]?.users).toEqual([known])
  })

  it('asks as every user at every endpoint, of others than the first for the version alone', async () => {
    await using hub = await startFakeHub({ auth: 'none' })
    await using other = await startFakeHub({ auth: 'basic', credentials: [alice] })
    const credentials = [alice, { username: 'bob', password: 'wrong' }]
    await using upstream = await openUpstreamOf({
      url: hub.url,
      probe: 'team/app:1',
      failover: [{ url: other.url, credentials }],
    })
    expect((await upstream.test(signal)).endpoints).toMatchObject([
      { users: [{ credential: 'anonymous', authentication: { kind: 'none' }, error: null }] },
      {
        users: [
          {
            credential: 'alice',
            authentication: { kind: 'basic', realm: null },
            isRefused: false,
            error: null,
          },
          {
            credential: 'bob',
            isAnswering: true,
            isRefused: true,
            error: expect.stringContaining('answered 401'),
          },
        ],
      },
    ])
    expect(hub.requests.map(({ path }) => path)).toEqual(['/v2/team/app/manifests/1'])
    expect(new Set(other.requests.map(({ path }) => path))).toEqual(new Set(['/v2/']))
  })

  it('tells of credentials that are wrong until they are taken, and not of what they lack rights for', async () => {
    await using hub = await startFakeHub({ credentials: [alice] })
    await using upstream = await openUpstreamOf({ url: hub.url, credentials: [alice] })
    const isRefused = async () => {
      await upstream.test(signal)
      return upstream.entry().endpoints[0]?.users[0]?.isRefused
    }
    hub.fault({ server: 'token', times: 1 }, { kind: 'answer', status: 403 })
    expect(await isRefused()).toBe(false)
    hub.fault({ server: 'token', times: 1 }, { kind: 'answer', status: 401 })
    expect(await isRefused()).toBe(true)
    expect(await isRefused()).toBe(false)
  })

  it.each(['bearer-required', 'basic'] as const)(
    'that gets nothing as nobody in particular, with %s, is an answer',
    async (auth) => {
      await using hub = await startFakeHub({ auth })
      await using upstream = await openUpstreamOf({ failover: [{ url: hub.url }], url: hub.url })
      expect((await upstream.test(signal)).endpoints).toMatchObject([
        { users: [{ isRefused: false, error: null }] },
        { users: [{ isRefused: false, error: null }] },
      ])
    },
  )

  it('fails where there is no registry, or nobody', async () => {
    await using hub = await startFakeHub({ auth: 'none' })
    const failover = [{ url: `${hub.url}/not-here` }]
    await using upstream = await openUpstreamOf({ url: hub.url, failover })
    expect((await upstream.test(signal)).endpoints).toMatchObject([
      { users: [{ error: null }] },
      {
        users: [
          {
            isAnswering: true,
            error: expect.stringMatching(/answered 404: there is no registry$/),
          },
        ],
      },
    ])
    await hub.goDown()
    const down = { isAnswering: false, error: expect.stringContaining('cannot be reached') }
    expect((await upstream.test(signal)).endpoints).toMatchObject([
      { users: [down] },
      { users: [down] },
    ])
  })

  it('fails where there is no answer in time', async () => {
    await using hub = await startFakeHub({ auth: 'none' })
    const rule = hub.fault({}, { kind: 'hold' })
    await using upstream = await openUpstreamOf({ url: hub.url })
    const over = new AbortController()
    const tested = upstream.test(over.signal)
    await rule.held()
    over.abort(new Error('over'))
    expect((await tested).endpoints).toMatchObject([
      { users: [{ error: 'there is no answer in time' }] },
    ])
  })

  it('that succeeds is made even while the breaker is open', async () => {
    await using hub = await startFakeHub({ auth: 'none' })
    hub.add(repository, '1', image)
    await using upstream = await openUpstreamOf({ url: hub.url })
    await hub.goDown()
    for (let pulls = 0; pulls < 3; pulls++) await caught(upstream.source.manifest(ref, options))
    expect(upstream.entry().endpoints).toMatchObject([{ state: 'open' }])
    await hub.comeBack()
    expect((await upstream.test(signal)).endpoints).toMatchObject([{ users: [{ error: null }] }])
  })
})
