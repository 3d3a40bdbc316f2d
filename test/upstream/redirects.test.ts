import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { redirectTarget, requestFollowing } from '../../src/upstream/redirects.ts'
import { Transport } from '../../src/upstream/transport.ts'
import { caught } from '../support/caught.ts'

const signal = new AbortController().signal
const url = new URL('http://127.0.0.1/')
const transport = () => new Transport({ upstream: 'hub.test', url, userAgent: 'entrepot/test' })

/** A server that leads from /N to /N-1 and answers at /0. */
async function startChain() {
  const seen: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    const left = Number(request.url?.slice(1))
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` })
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    seen,
    url: (length: number) => new URL(`http://127.0.0.1:${port}/${length}`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('requestFollowing', () => {
  const request = { kind: 'blob', method: 'GET', signal } as const

  it('sends nothing on but Accept and Range, not even to the same host', async () => {
    await using chain = await startChain()
    await using client = transport()
    const headers = { accept: 'a/b', range: 'bytes=1-', authorization: 'Basic x', 'x-more': 'y' }
    await requestFollowing(client, 'hub.test', { ...request, url: chain.url(1), headers })
    const [first, second] = chain.seen
    expect(first).toMatchObject(headers)
    expect(second).toMatchObject({ accept: 'a/b', range: 'bytes=1-' })
    expect(Object.keys(second ?? {}).sort()).toEqual([
      'accept',
      'connection',
      'host',
      'range',
      'user-agent',
    ])
  })

  it('follows five and no more', async () => {
    await using chain = await startChain()
    await using client = transport()
    const five = { ...request, url: chain.url(5), headers: {} }
    expect(await requestFollowing(client, 'hub.test', five)).toMatchObject({
      status: 200,
      isRedirected: true,
    })
    const six = { ...request, url: chain.url(6), headers: {} }
    expect(await caught(requestFollowing(client, 'hub.test', six))).toMatchObject({
      kind: 'refused',
    })
    expect(chain.seen).toHaveLength(12)
  })
})

describe('redirectTarget', () => {
  const from = new URL('https://registry.example.com/v2/demo/blobs/x')

  it('takes absolute and relative addresses', () => {
    expect(redirectTarget('x', from, 'https://cdn.example/1?sign=2').href).toBe(
      'https://cdn.example/1?sign=2',
    )
    expect(redirectTarget('x', from, '/1').href).toBe('https://registry.example.com/1')
  })

  it('lets an upstream without encryption lead anywhere', () => {
    const open = new URL('http://registry.example.com/')
    expect(redirectTarget('x', open, 'http://cdn.example/').protocol).toBe('http:')
    expect(redirectTarget('x', open, 'https://cdn.example/').protocol).toBe('https:')
  })

  it.each([
    ['from https to http', 'http://cdn.example/', 'refused'],
    ['to another protocol', 'file:///etc/passwd', 'refused'],
    ['to no address', 'http://', 'invalid'],
    ['nowhere', undefined, 'invalid'],
  ])('refuses a redirect %s, without telling its query', (_, location, kind) => {
    const follow = () => redirectTarget('x', from, location && `${location}?signature=secret`)
    expect(follow).toThrow(expect.objectContaining({ kind }) as Error)
    expect(follow).not.toThrow('secret')
  })
})
