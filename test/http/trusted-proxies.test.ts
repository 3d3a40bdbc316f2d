import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { TrustedProxies } from '../../src/http/trusted-proxies.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepository } from '../../src/oci/reference.ts'
import { bytesOf } from '../support/images.ts'
import { type HostedAuth, type HostedRig, startHosted } from './hosted-rig.ts'
import { image } from './mirror.ts'

const TRUSTED = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'])
const bytes = bytesOf('layer', 1_000)
const FORWARDED = {
  'X-Forwarded-For': '198.51.100.9',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'mirror.example',
  'X-Forwarded-Prefix': '/registry/',
}

function read(remote: string, headers: Record<string, string>) {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remote })
  const request = new IncomingMessage(socket)
  for (const [name, value] of Object.entries(headers)) request.headers[name.toLowerCase()] = value
  return TRUSTED.read(request)
}

describe('what proxies say', () => {
  test.each(['10.1.2.3', '192.0.2.7', '2001:db8::1', '::ffff:10.1.2.3'])(
    'is believed of %s',
    (remote) => {
      expect(read(remote, FORWARDED)).toEqual({
        address: '198.51.100.9',
        scheme: 'https',
        host: 'mirror.example',
        prefix: '/registry',
      })
    },
  )

  test.each(['192.0.2.8', '::1', '2001:db9::1', '::ffff:192.0.2.8', ''])(
    'is not believed of %s',
    (remote) => {
      expect(read(remote, FORWARDED)).toBeUndefined()
    },
  )

  test.each([
    ['198.51.100.9', '198.51.100.9'],
    ['1.1.1.1, 198.51.100.9', '198.51.100.9'],
    ['1.1.1.1, 198.51.100.9, 10.0.0.2, 192.0.2.7', '198.51.100.9'],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['198.51.100.9:51234', '198.51.100.9'],
    ['1.1.1.1, 198.51.100.9:51234, 10.0.0.2:80', '198.51.100.9'],
    ['2001:db9::1', '2001:db9::1'],
    ['[2001:db9::1]', '2001:db9::1'],
    ['2001:db9::2, [2001:db9::1]:443, [2001:db8::1]:443', '2001:db9::1'],
    ['198.51.100.9, unknown, 10.0.0.2', '10.0.0.2'],
    ['198.51.100.9:port', undefined],
    ['[198.51.100.9', undefined],
    ['unknown', undefined],
    ['', undefined],
  ])('of who asks is what a proxy has seen: %s', (list, address) => {
    expect(read('10.0.0.1', { 'X-Forwarded-For': list })).toMatchObject({ address })
  })

  test.each([
    ['X-Forwarded-Proto', 'javascript'],
    ['X-Forwarded-Host', 'a b"'],
    ['X-Forwarded-Prefix', '//evil.example'],
    ['X-Forwarded-Prefix', 'registry'],
    ['X-Forwarded-Prefix', '/a?b'],
    ['X-Forwarded-Prefix', '/'],
  ])('means nothing where it is no part of a URL: %s: %s', (name, value) => {
    expect(read('10.0.0.1', { [name]: value })).toEqual({
      address: undefined,
      scheme: undefined,
      host: undefined,
      prefix: undefined,
    })
  })
})

describe('behind a proxy, under a path', () => {
  const auth: HostedAuth = {
    users: { ci: 'secret' },
    anonymous: ['admin'],
    rules: [],
  }

  async function start(trustedProxies: string[]): Promise<HostedRig> {
    const rig = await startHosted({ auth, trustedProxies })
    rig.hub.add(parseRepository('library/demo')!, '1', image)
    rig.hub.add(parseRepository('library/demo')!, '2', image)
    return rig
  }

  test('locations, links and the token server are where the client finds them', async () => {
    await using rig = await start(['127.0.0.1'])
    const headers = FORWARDED
    const uploads = '/v2/private/app/blobs/uploads/'
    const started = await rig.ask(uploads, { method: 'POST', headers })
    expect(started.headers.location).toMatch(
      /^\/registry\/v2\/private\/app\/blobs\/uploads\/[^/]+$/,
    )
    const at = `${started.headers.location!.slice('/registry'.length)}?digest=${digestOf(bytes)}`
    const finished = await rig.ask(at, { method: 'PUT', headers, body: bytes })
    expect(finished.headers.location).toBe(`/registry/v2/private/app/blobs/${digestOf(bytes)}`)
    const listed = await rig.ask('/docker.io/v2/library/demo/tags/list?n=1', { headers })
    expect(listed.headers['link']).toBe(
      '</registry/docker.io/v2/library/demo/tags/list?n=1&last=1>; rel="next"',
    )
    const ping = await rig.ask('/v2/', { headers })
    expect(ping.headers['www-authenticate']).toBe(
      'Bearer realm="https://mirror.example/registry/v2/token",service="entrepot"',
    )
  })

  test('the log has the client', async () => {
    await using rig = await start(['127.0.0.1'])
    const credentials = Buffer.from('ci:wrong').toString('base64')
    await rig.ask('/v2/', { headers: { ...FORWARDED, Authorization: `Basic ${credentials}` } })
    const failed = rig.logLines.find((line) => line.includes('login failed'))
    expect(JSON.parse(failed ?? '')).toMatchObject({ user: 'ci', address: '198.51.100.9' })
  })

  test('that is not trusted nothing of it counts', async () => {
    await using rig = await start(['192.0.2.1'])
    const uploads = '/v2/private/app/blobs/uploads/'
    const started = await rig.ask(uploads, { method: 'POST', headers: FORWARDED })
    expect(started.headers.location).toMatch(/^\/v2\/private\/app\/blobs\/uploads\/[^/]+$/)
    const ping = await rig.ask('/v2/', { headers: FORWARDED })
    expect(ping.headers['www-authenticate']).toMatch(/^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/v2/)
  })
})
