import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { contentOf } from '../support/contents.ts'
import { eventually } from '../support/eventually.ts'
import { bytesOf } from '../support/images.ts'
import { type HostedAuth, type HostedRig, startHosted } from './hosted-rig.ts'
import { type Answer, errorOf, image } from './mirror.ts'

const USERS = { ci: 'ci-secret', dev: 'dev-secret', guest: 'guest-secret' }
const CI = basic('ci', 'ci-secret')
const DEV = basic('dev', 'dev-secret')
const GUEST = basic('guest', 'guest-secret')
const WRONG = basic('ci', 'hub-secret')

const UPLOADS = '/v2/private/team/app/blobs/uploads/'
const CHALLENGE = /^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/v2\/token",service="entrepot"/
const bytes = bytesOf('layer', 1_000)
const digest = digestOf(bytes)

/** Everybody may pull what is mirrored; ci pushes, dev does all, and guest pulls what the team has. */
const TEAM: HostedAuth = {
  users: USERS,
  anonymous: [],
  rules: [
    { principals: ['anonymous'], repositories: ['docker.io/**'], actions: ['pull'] },
    { principals: ['ci'], repositories: ['private/team/**'], actions: ['pull', 'push'] },
    { principals: ['dev'], repositories: ['private/**'], actions: ['admin'] },
    { principals: ['guest'], repositories: ['private/other/**'], actions: ['pull', 'push'] },
  ],
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

async function start(auth = TEAM): Promise<HostedRig> {
  const rig = await startHosted({ auth })
  rig.hub.add(parseRepository('library/demo')!, '1', image)
  return rig
}

function as(authorization: string, method = 'GET', body?: Uint8Array) {
  return { method, headers: { Authorization: authorization }, ...(body && { body }) }
}

function push(rig: HostedRig, authorization: string, name = 'private/team/app'): Promise<Answer> {
  const path = `/v2/${name}/blobs/uploads/?digest=${digest}`
  return rig.ask(path, as(authorization, 'POST', bytes))
}

function mount(rig: HostedRig, authorization: string, from: string): Promise<Answer> {
  const path = `/v2/private/other/app/blobs/uploads/?mount=${digest}${from}`
  return rig.ask(path, as(authorization, 'POST'))
}

async function tokenOf(rig: HostedRig, query: string, authorization?: string): Promise<string> {
  const answer = await rig.ask(`/v2/token?${query}`, authorization ? as(authorization) : {})
  expect(answer.status).toBe(200)
  const { token } = JSON.parse(answer.body.toString()) as { token: string }
  return `Bearer ${token}`
}

describe('the ping', () => {
  test('sends clients to where tokens are, also those without a login', async () => {
    await using rig = await start()
    const answer = await rig.ask('/v2/')
    expect([answer.status, errorOf(answer).code]).toEqual([401, 'UNAUTHORIZED'])
    expect(answer.headers['www-authenticate']).toMatch(CHALLENGE)
  })

  test.each([
    ['a password that is right', CI, 200],
    ['a password that is wrong', WRONG, 401],
    ['a token that is none', 'Bearer x.y', 401],
  ])('answers %s', async (_, authorization, status) => {
    await using rig = await start()
    expect((await rig.ask('/v2/', as(authorization))).status).toBe(status)
  })

  test('answers a token of anybody', async () => {
    await using rig = await start()
    for (const user of [undefined, CI]) {
      const token = await tokenOf(rig, 'service=entrepot', user)
      expect((await rig.ask('/v2/', as(token))).status).toBe(200)
    }
  })

  test('asks for nothing where nobody can log in, whatever is sent', async () => {
    await using rig = await start({ anonymous: ['pull'], rules: [] })
    expect((await rig.ask('/v2/')).status).toBe(200)
    expect((await rig.ask('/v2/', as(WRONG))).status).toBe(200)
    expect((await rig.ask('/v2/token')).status).toBe(404)
  })

  test('names only a host in its challenge', async () => {
    await using rig = await start()
    const headers = { Host: 'a",realm="http://evil' }
    const answer = await rig.ask('/v2/', { headers })
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer realm="http://localhost/v2/token",service="entrepot"',
    )
  })
})

describe('the token server', () => {
  test.each([
    ['a password that is wrong', 'account=ci&offline_token=true', WRONG],
    ['a password that is wrong, for what takes a login', 'scope=repository:private/a:pull', WRONG],
    ['a password that is wrong, to push', 'scope=repository:library/demo:pull,push', WRONG],
  ])('refuses %s', async (_, query, authorization) => {
    await using rig = await start()
    const answer = await rig.ask(`/v2/token?${query}`, as(authorization))
    expect([answer.status, errorOf(answer).code]).toEqual([401, 'UNAUTHORIZED'])
    expect(answer.headers['www-authenticate']).toBe('Basic realm="entrepot"')
  })

  test('does not look at credentials for what everybody may pull', async () => {
    await using rig = await start()
    const token = await tokenOf(rig, 'scope=repository:library/demo:pull&account=me', WRONG)
    expect((await rig.ask('/v2/library/demo/manifests/1', as(token))).status).toBe(200)
    expect(rig.logLines.join('')).not.toMatch(/login|hub-secret/)
  })

  test.each([
    ['without a query', '/v2/token', {}, 200],
    ['with escapes that are none', '/v2/token?scope=%', {}, 200],
    ['by a host that is none', '/v2/token?service=x', { Host: 'a"b c' }, 200],
    ['with empty credentials', '/v2/token', { Authorization: 'Basic Og==' }, 401],
    ['with half of a header', '/v2/token', { Authorization: 'Bearer' }, 401],
  ])('answers who asks %s', async (_, path, headers, status) => {
    await using rig = await start()
    expect((await rig.ask(path, { headers })).status).toBe(status)
  })

  test('takes a form, as containerd sends it', async () => {
    await using rig = await start()
    const ask = (form: Record<string, string>) =>
      rig.ask('/v2/token', { method: 'POST', body: new URLSearchParams(form).toString() })
    const form = { grant_type: 'password', username: 'ci', password: 'ci-secret' }
    const answer = await ask({ ...form, scope: 'repository:private/team/app:pull' })
    const { access_token: token } = JSON.parse(answer.body.toString()) as { access_token: string }
    expect((await push(rig, `Bearer ${token}`)).status).toBe(201)
    expect((await ask({ ...form, password: 'wrong' })).status).toBe(401)
    expect((await ask({ ...form, grant_type: 'refresh_token' })).status).toBe(401)
    const put = await rig.ask('/v2/token', { method: 'PUT' })
    expect([put.status, put.headers['allow']]).toEqual([405, 'GET, POST'])
  })
})

describe('what is mirrored', () => {
  test.each([
    ['nothing', undefined],
    ['credentials of somewhere else', WRONG],
    ['a token of somewhere else', 'Bearer e30.e30'],
    ['what nobody understands', 'Negotiate x'],
  ])('is pulled with %s, where everybody may', async (_, authorization) => {
    await using rig = await start()
    const options = authorization === undefined ? {} : as(authorization)
    expect((await rig.ask('/v2/library/demo/manifests/1', options)).status).toBe(200)
    expect(rig.logLines.join('')).not.toMatch(/login|hub-secret/)
  })

  test('takes a login where not everybody may, and the same whether it is there', async () => {
    const rule = { principals: ['*'], repositories: ['**'], actions: ['pull' as const] }
    await using rig = await start({ users: USERS, anonymous: [], rules: [rule] })
    for (const name of ['library/demo', 'library/none']) {
      const answer = await rig.ask(`/v2/${name}/manifests/1`)
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toMatch(
        new RegExp(`${CHALLENGE.source},scope="repository:docker\\.io/${name}:pull"$`),
      )
    }
    expect((await rig.ask('/v2/library/demo/manifests/1', as(WRONG))).status).toBe(401)
    expect((await rig.ask('/v2/library/demo/manifests/1', as(CI))).status).toBe(200)
  })

  test.each([
    ['a prefix of the name', '/v2/gh/owner/app', '', '127.0.0.1'],
    ['a prefix in front of the registry', '/gh/v2/owner/app', '', '127.0.0.1'],
    ['a namespace', '/v2/owner/app', '?ns=ghcr.io', '127.0.0.1'],
    ['a namespace, of another host', '/v2/owner/app', '?ns=ghcr.io', 'hub.mirror'],
    ['a host', '/v2/owner/app', '', 'ghcr.mirror'],
  ])('is pulled with a token for the scope of the challenge, by %s', async (_, path, ns, host) => {
    await using rig = await start({
      ...TEAM,
      rules: [
        ...TEAM.rules,
        { principals: ['guest'], repositories: ['ghcr.io/**'], actions: ['pull'] },
      ],
    })
    rig.ghcr.add(parseRepository('owner/app')!, '1', image)
    const pull = (headers: Record<string, string> = {}) =>
      rig.ask(`${path}/manifests/1${ns}`, { headers: { Host: host, ...headers } })
    const { status, headers } = await pull()
    expect(status).toBe(401)
    const [, scope = ''] = /scope="([^"]+)"/.exec(headers['www-authenticate'] ?? '') ?? []
    const asked = await rig.ask(`/v2/token?${new URLSearchParams({ scope }).toString()}`, {
      headers: { Host: host, Authorization: GUEST },
    })
    const { token } = JSON.parse(asked.body.toString()) as { token: string }
    expect((await pull({ Authorization: `Bearer ${token}` })).status).toBe(200)
  })

  test('cannot be pushed to by anybody', async () => {
    await using rig = await start()
    expect((await push(rig, DEV, 'library/demo')).status).toBe(405)
  })
})

describe('what is hosted', () => {
  test('is pushed and pulled by who may', async () => {
    await using rig = await start()
    const { status, headers } = await push(rig, CI)
    expect(status).toBe(201)
    expect((await rig.ask(headers.location!, as(DEV))).body).toEqual(bytes)
    const pulled = '"principal":"dev"'
    await eventually('the log has it', () => rig.logLines.some((line) => line.includes(pulled)))
  })

  test.each([
    ['GET', `/v2/private/team/app/blobs/${digest}`],
    ['HEAD', `/v2/private/team/app/manifests/1`],
    ['GET', `/v2/private/team/app/tags/list`],
    ['GET', `/v2/private/team/app/referrers/${digest}`],
    ['POST', UPLOADS],
    ['GET', `${UPLOADS}some-id`],
    ['PATCH', `${UPLOADS}some-id`],
    ['PUT', `${UPLOADS}some-id?digest=${digest}`],
    ['DELETE', `${UPLOADS}some-id`],
    ['PUT', '/v2/private/team/app/manifests/1'],
    ['DELETE', '/v2/private/team/app/manifests/1'],
    ['DELETE', `/v2/private/team/app/blobs/${digest}`],
    ['GET', '/private/v2/team/app/tags/list'],
    ['GET', '/v2/team/app/tags/list?ns=private'],
  ])('takes a login that is right, and may: %s %s', async (method, path) => {
    await using rig = await start()
    await push(rig, CI)
    const anonymous = await rig.ask(path, { method })
    expect(anonymous.status).toBe(401)
    expect(anonymous.headers['www-authenticate']).toMatch(CHALLENGE)
    expect((await rig.ask(path, as(WRONG, method))).status).toBe(401)
    expect((await rig.ask(path, as(GUEST, method))).status).toBe(403)
  })

  test('refuses alike what is there and what is not', async () => {
    await using rig = await start()
    await push(rig, CI)
    const asked = async (options: object) => {
      const answers = await Promise.all(
        [digest, digestOf(bytesOf('other', 1))].map((blob) =>
          rig.ask(`/v2/private/team/app/blobs/${blob}`, options),
        ),
      )
      return new Set(answers.map(({ status, body }) => `${status} ${body.toString()}`))
    }
    expect((await asked({})).size).toBe(1)
    expect((await asked(as(GUEST))).size).toBe(1)
  })

  test('is deleted by who may delete', async () => {
    await using rig = await start()
    await push(rig, CI)
    const path = `/v2/private/team/app/blobs/${digest}`
    const refused = await rig.ask(path, as(CI, 'DELETE'))
    expect([refused.status, errorOf(refused).code]).toEqual([403, 'DENIED'])
    expect((await rig.ask(path, as(DEV, 'DELETE'))).status).toBe(202)
  })

  test('is 403, without a way to log in, where nobody can', async () => {
    await using rig = await start({ anonymous: ['pull'], rules: [] })
    const answer = await rig.ask(UPLOADS, { method: 'POST' })
    expect([answer.status, errorOf(answer).code]).toEqual([403, 'DENIED'])
    expect(answer.headers['www-authenticate']).toBeUndefined()
  })

  test('is listed as far as it may be pulled', async () => {
    await using rig = await start()
    const manifest = { mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] }
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, ...manifest }))
    for (const name of ['other/a', 'team/a', 'team/b']) {
      const headers = { Authorization: DEV, 'Content-Type': manifest.mediaType }
      const path = `/v2/private/${name}/manifests/1`
      expect((await rig.ask(path, { method: 'PUT', headers, body })).status).toBe(201)
    }
    const listed = async (path: string, options: object) => {
      const answer = await rig.ask(path, options)
      return [JSON.parse(answer.body.toString()) as unknown, answer.headers['link']]
    }
    const all = ['private/other/a', 'private/team/a', 'private/team/b']
    expect(await listed('/v2/_catalog', as(DEV))).toEqual([{ repositories: all }, undefined])
    const anonymous = await tokenOf(rig, 'service=entrepot')
    expect(await listed('/v2/_catalog', as(anonymous))).toEqual([{ repositories: [] }, undefined])
    expect(await listed('/v2/_catalog?n=1', as(CI))).toEqual([
      { repositories: ['private/team/a'] },
      '</v2/_catalog?n=1&last=private%2Fteam%2Fa>; rel="next"',
    ])
    expect(await listed('/v2/_catalog?n=1&last=private/team/a', as(CI))).toEqual([
      { repositories: ['private/team/b'] },
      undefined,
    ])
    expect((await rig.ask('/v2/_catalog', as(WRONG))).status).toBe(401)
    // Clients show their credentials only where they are asked for them.
    const asked = await rig.ask('/v2/_catalog')
    expect(asked.status).toBe(401)
    expect(asked.headers['www-authenticate']).toMatch(CHALLENGE)
  })
})

describe('a page in a browser', () => {
  const marks: Record<string, string>[] = [
    { Origin: 'https://evil.example.com' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'same-origin' },
    { 'Sec-Fetch-Site': 'cross-site' },
  ]

  test.each(marks)('changes nothing without a login, though everybody may: %o', async (mark) => {
    await using rig = await start({
      users: USERS,
      anonymous: ['pull', 'push', 'delete'],
      rules: [],
    })
    const path = `/v2/private/team/app/blobs/uploads/?digest=${digest}`
    const refused = await rig.ask(path, { method: 'POST', headers: mark, body: bytes })
    expect([refused.status, errorOf(refused).code]).toEqual([403, 'DENIED'])
    expect((await rig.ask(path, { method: 'POST', body: bytes })).status).toBe(201)
    const blob = `/v2/private/team/app/blobs/${digest}`
    expect((await rig.ask(blob, { method: 'DELETE', headers: mark })).status).toBe(403)
    expect((await rig.ask(blob, { headers: mark })).status).toBe(200)
    const headers = { ...mark, Authorization: CI }
    expect((await rig.ask(blob, { method: 'DELETE', headers })).status).toBe(202)
  })
})

describe('a mount', () => {
  test.each([
    ['that is named', '&from=private/team/app'],
    ['that is to be found', ''],
  ])('takes a blob from a repository %s, where that may be pulled', async (_, from) => {
    await using rig = await start()
    await push(rig, CI)
    expect((await mount(rig, GUEST, from)).status).toBe(202)
    expect((await mount(rig, DEV, from)).status).toBe(201)
  })

  test.each([
    ['may be pulled', TEAM, 201],
    ['may not be pulled', { ...TEAM, rules: TEAM.rules.slice(1) }, 202],
  ])('of what an upstream has, which %s by who asks', async (_, auth, status) => {
    await using rig = await start(auth)
    const name = parseRepository('library/demo')!
    const held = { ...contentOf('layer'), digest, sizeBytes: bytes.length }
    await rig.inventory.record(held, [], { registry: 'docker.io', name })
    rig.hub.addBlob(name, digest, bytes)
    expect((await mount(rig, GUEST, '&from=docker.io/library/demo')).status).toBe(status)
    expect(rig.hub.asked).toHaveLength(status === 201 ? 1 : 0)
  })
})

test('the audit log says who it was, and who was refused', async () => {
  await using rig = await start()
  await push(rig, CI)
  await push(rig, WRONG)
  await push(rig, GUEST)
  await rig.ask(UPLOADS, { method: 'POST' })
  await push(rig, DEV)
  const lines = await rig.audited(4)
  expect(lines.map((line) => [line['action'], line['principal'], line['status']])).toEqual([
    ['push', 'ci', 201],
    ['login-refused', null, 401],
    ['push', 'guest', 403],
    ['push', 'dev', 201],
  ])
})

test('guessing is slowed down, and counted', async () => {
  await using rig = await start()
  for (let guess = 0; guess < 5; guess++) {
    expect((await rig.ask('/v2/', as(basic('ci', `guess ${guess}`)))).status).toBe(401)
  }
  const slowed = await rig.ask('/v2/', as(CI))
  expect([slowed.status, slowed.headers['retry-after']]).toEqual([429, '1'])
  expect((await rig.ask('/v2/', as(DEV))).status).toBe(200)
  expect(rig.logLines.filter((line) => line.includes('login failed'))).toHaveLength(5)
  expect(rig.logLines.join('')).not.toContain('guess')
})
