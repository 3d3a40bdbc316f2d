import { describe, expect, it } from 'vitest'
import { parseRepository, parseTag, type Reference } from '../../src/oci/reference.ts'
import type { UpstreamError } from '../../src/oci/upstream-error.ts'
import {
  type CredentialProvider,
  type Credentials,
  CredentialsError,
} from '../../src/upstream/credentials.ts'
import { fetchToken } from '../../src/upstream/token-server.ts'
import { Transport } from '../../src/upstream/transport.ts'
import { systemClock } from '../../src/util/clock.ts'
import { caught } from '../support/caught.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startFakeHub, type FakeHub, type FakeHubOptions } from '../support/fake-hub/fake-hub.ts'
import { buildImage } from '../support/images.ts'
import { openClient } from '../support/upstream-client.ts'

const signal = new AbortController().signal
const alice = { username: 'alice', password: 'open-sesame' }
const image = await buildImage()

function ref(name = 'library/demo'): Reference {
  return { kind: 'tag', repository: parseRepository(name)!, tag: parseTag('1')! }
}

async function startHub(options: FakeHubOptions = {}): Promise<FakeHub> {
  const hub = await startFakeHub({ credentials: [alice], ...options })
  hub.add('library/demo', '1', image)
  hub.add('library/other', '1', image)
  return hub
}

describe('tokens', () => {
  it('are fetched once for a repository, and without a challenge for the next', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    const { client } = opened
    await client.manifest(ref(), { signal })
    expect(hub.count({ status: 401 })).toBe(1)
    await client.manifest(ref(), { signal })
    expect(hub.count({ kind: 'token' })).toBe(1)

    hub.forgetRequests()
    await client.manifest(ref('library/other'), { signal })
    expect(hub.requests.map(({ kind, status }) => [kind, status])).toEqual([
      ['token', 200],
      ['manifest', 200],
    ])
    const [asked] = hub.matching({ kind: 'token' })
    const query = new URL(asked!.path, hub.tokenUrl).searchParams
    expect(query.get('scope')).toBe('repository:library/other:pull')
    expect(query.get('service')).toBe('registry.test')
  })

  it('are fetched once for 50 pulls at the same time', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    const rule = hub.fault({ server: 'token' }, { kind: 'hold' })
    const pulls = Array.from({ length: 50 }, () => opened.client.manifest(ref(), { signal }))
    await eventually('all are challenged', () => hub.count({ status: 401 }) === 50)
    rule.release()
    const manifests = await Promise.all(pulls)
    expect(manifests.every((manifest) => manifest !== undefined)).toBe(true)
    expect(hub.count({ kind: 'token' })).toBe(1)
  })

  it('outlive a caller who leaves while they are fetched', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    const rule = hub.fault({ server: 'token' }, { kind: 'hold' })
    const leaving = new AbortController()
    const left = caught(opened.client.manifest(ref(), { signal: leaving.signal }))
    const staying = opened.client.manifest(ref(), { signal })
    await rule.held()
    leaving.abort(new Error('gone'))
    expect(await left).toBe(leaving.signal.reason)
    rule.release()
    expect(await staying).toBeDefined()
    expect(hub.count({ kind: 'token' })).toBe(1)
  })

  it.each([
    ['expires_in', 300, 'token', 290_000],
    ['60 s where it is absent', 'absent', 'token', 54_000],
    ['expires_in, of an access_token too', 100, 'access_token', 90_000],
  ] as const)('are used until shortly before %s is over', async (_, seconds, field, goodMs) => {
    const clock = new FakeClock()
    await using hub = await startHub({ clock, tokenSeconds: seconds, tokenField: field })
    await using opened = openClient(hub, { clock })
    await opened.client.manifest(ref(), { signal })
    clock.advance(goodMs - 1)
    await opened.client.manifest(ref(), { signal })
    expect(hub.count({ kind: 'token' })).toBe(1)
    clock.advance(1)
    await opened.client.manifest(ref(), { signal })
    expect(hub.count({ kind: 'token' })).toBe(2)
    expect(hub.count({ status: 401 })).toBe(1)
  })

  it('are replaced, once, when the registry takes them no more', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    await opened.client.manifest(ref(), { signal })
    hub.revokeTokens()
    expect(await opened.client.manifest(ref(), { signal })).toBeDefined()
    expect(hub.count({ kind: 'token' })).toBe(2)

    hub.forgetRequests()
    hub.fault({ server: 'registry' }, { kind: 'expired-token' })
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'denied', status: 401 })
    expect(hub.count({ kind: 'token' })).toBe(1)
    expect(hub.count({ kind: 'manifest' })).toBe(2)
  })

  it('are asked for with the credentials, which go nowhere else', async () => {
    await using hub = await startHub({ auth: 'bearer-required' })
    await using opened = openClient(hub, { credentials: alice })
    const { client } = opened
    expect(await client.manifest(ref(), { signal })).toBeDefined()
    const basic = `Basic ${Buffer.from('alice:open-sesame').toString('base64')}`
    const carriers = hub.requests.filter(({ headers }) => headers.authorization === basic)
    expect(carriers.map(({ server }) => server)).toEqual(['token'])
  })
})

describe('token trouble', () => {
  it('a registry that wants more than anonymous is told as denied', async () => {
    await using hub = await startHub({ auth: 'bearer-required' })
    await using opened = openClient(hub)
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'denied', status: 401 })
    expect((error as Error).message).toContain('authentication required')
  })

  it('wrong credentials are told as denied, without the password', async () => {
    await using hub = await startHub()
    const credentials = { username: 'alice', password: 'wrong-sesame' }
    await using opened = openClient(hub, { credentials })
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'denied', status: 401 })
    expect(textOf(error)).not.toMatch(/sesame|Basic/)
  })

  it.each([
    ['answers 503', { kind: 'answer', status: 503 }],
    ['hangs up', { kind: 'hang-up' }],
    ['answers without a token', { kind: 'answer', status: 200, body: '{"token":""}' }],
    ['answers with what is no JSON', { kind: 'answer', status: 200, body: '<html>' }],
    [
      'has a token that is no header',
      { kind: 'answer', status: 200, body: '{"token":"a\\r\\nb"}' },
    ],
    ['redirects', { kind: 'answer', status: 307, headers: { location: '/elsewhere' } }],
  ] as const)('a token server that %s', async (_, fault) => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    hub.fault({ server: 'token' }, fault)
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'token', transient: true })
    hub.clearFaults()
    expect(await opened.client.manifest(ref(), { signal })).toBeDefined()
  })

  it('a token server that limits us says for how long', async () => {
    await using hub = await startHub()
    await using opened = openClient(hub)
    hub.fault({ server: 'token' }, { kind: 'answer', status: 429, headers: { 'retry-after': '9' } })
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'rate-limited', retryAfterMs: 9_000 })
  })

  it('a realm on a foreign domain is refused before anything is sent there', async () => {
    await using foreign = await startFakeHub()
    const { port } = new URL(foreign.tokenUrl)
    await using hub = await startHub({ realm: `http://localhost:${port}/token` })
    await using opened = openClient(hub, { credentials: alice })
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'refused', transient: false })
    expect(foreign.requests).toEqual([])
  })

  it('a realm at a private address is refused where the registry is at none', async () => {
    await using hub = await startHub()
    await using transport = new Transport({
      upstream: 'hub.test',
      url: new URL('https://192.0.2.1/'),
      userAgent: 'entrepot/test',
    })
    const realm = new URL(hub.tokenUrl)
    const question = { realm, service: undefined, scope: undefined, credentials: alice }
    const options = { upstream: 'hub.test', transport, clock: systemClock }
    const error = await caught(fetchToken(question, options))
    expect(error).toMatchObject({ kind: 'refused', transient: false })
    expect(hub.requests).toEqual([])
  })

  it('a realm on a foreign domain that is listed gets the credentials', async () => {
    await using foreign = await startFakeHub({ credentials: [alice] })
    const { port } = new URL(foreign.tokenUrl)
    await using hub = await startHub({ realm: `http://localhost:${port}/token` })
    await using opened = openClient(hub, { credentials: alice, realms: ['localhost'] })
    // The registry does not know tokens of the foreign one; what counts is who was asked.
    expect(await caught(opened.client.manifest(ref(), { signal }))).toMatchObject({ status: 401 })
    expect(foreign.requests[0]).toMatchObject({ server: 'token', status: 200 })
  })
})

describe('Basic', () => {
  it('is sent after the first challenge, and to the registry alone', async () => {
    await using hub = await startHub({ auth: 'basic' })
    await using opened = openClient(hub, { credentials: alice })
    await opened.client.manifest(ref(), { signal })
    await opened.client.manifest(ref('library/other'), { signal })
    expect(hub.requests.map(({ server, status }) => [server, status])).toEqual([
      ['registry', 401],
      ['registry', 200],
      ['registry', 200],
    ])
  })

  it('that is not taken is told as denied', async () => {
    await using hub = await startHub({ auth: 'basic' })
    await using opened = openClient(hub, { credentials: { username: 'bob', password: 'nobody' } })
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'denied' })
    expect(textOf(error)).not.toContain('nobody')
    expect(hub.requests).toHaveLength(2)
  })
})

describe('credentials that change', () => {
  const renewed = { username: 'alice', password: 'open-sesame' }

  /** Begins with a password that is not taken, and has one that is when asked anew. */
  function changing(): CredentialProvider & { renewals: number } {
    let current: Credentials = { username: 'alice', password: 'old' }
    return {
      label: 'alice',
      renewals: 0,
      get: () => Promise.resolve(current),
      renew(refused) {
        this.renewals++
        current = renewed
        return Promise.resolve(refused.username === 'alice' ? renewed : undefined)
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }

  it.each(['basic', 'bearer-required'] as const)('are renewed at once, with %s', async (auth) => {
    await using hub = await startHub({ auth })
    const credentials = changing()
    await using opened = openClient(hub, { credentials })
    expect(await opened.client.manifest(ref(), { signal })).toBeDefined()
    expect(await opened.client.manifest(ref('library/other'), { signal })).toBeDefined()
    expect(credentials.renewals).toBe(1)
  })

  it('and cannot be had are trouble with tokens', async () => {
    await using hub = await startHub({ auth: 'basic' })
    const credentials = changing()
    credentials.get = () => Promise.reject(new CredentialsError('the helper is not there'))
    await using opened = openClient(hub, { credentials })
    expect(await caught(opened.client.manifest(ref(), { signal }))).toMatchObject({
      kind: 'token',
      message: 'hub.test: the helper is not there',
    })
  })
})

describe('an identity token', () => {
  const credentials = { username: '<token>', identityToken: 'long-lived' }

  it('is given to the token server in the body of a POST', async () => {
    const identityTokens = { 'long-lived': 'alice' }
    const auth = 'bearer-required'
    await using hub = await startHub({ auth, identityTokens, tokenField: 'access_token' })
    await using opened = openClient(hub, { credentials })
    expect(await opened.client.manifest(ref(), { signal })).toBeDefined()
    const [asked] = hub.matching({ kind: 'token' })
    expect(asked).toMatchObject({ method: 'POST', path: '/token' })
    expect(asked?.headers.authorization).toBeUndefined()
  })

  it('that is not taken is told as denied', async () => {
    await using hub = await startHub({ auth: 'bearer-required' })
    await using opened = openClient(hub, { credentials })
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'denied', status: 401 })
    expect(textOf(error)).not.toContain('long-lived')
  })

  it('is of no use for Basic', async () => {
    await using hub = await startHub({ auth: 'basic' })
    await using opened = openClient(hub, { credentials })
    const error = await caught(opened.client.manifest(ref(), { signal }))
    expect(error).toMatchObject({ kind: 'denied', status: 401 })
    expect(hub.requests).toHaveLength(1)
  })
})

/** All that a log could print of an error. */
function textOf(error: unknown): string {
  const { message, stack, cause } = error as UpstreamError
  return `${message}\n${stack}\n${JSON.stringify(error)}\n${cause ? textOf(cause) : ''}`
}
