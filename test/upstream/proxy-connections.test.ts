import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { basicAuthorization } from '../../src/upstream/token-server.ts'
import { Transport, type TransportOptions } from '../../src/upstream/transport.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { caught } from '../support/caught.ts'
import { type Certificates, haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { HttpProxy } from '../support/http-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startTlsServer } from '../support/tls-server.ts'

const { signal } = new AbortController()

async function someCertificates(): Promise<Certificates> {
  await using folder = await temporaryFolder()
  return makeCertificates(folder.path)
}

function through(proxy: HttpProxy | URL, options: Partial<TransportOptions>): Transport {
  const url = proxy instanceof URL ? proxy : proxy.url
  const every = { url, authorization: undefined }
  return new Transport({
    upstream: 'registry.test',
    url: new URL('http://registry.tls.test'),
    userAgent: 'entrepot/test',
    proxies: { http: every, https: every, except: [] },
    ...options,
  })
}

async function ask(transport: Transport, url: URL): Promise<string> {
  const request = { kind: 'blob', method: 'GET', url, headers: {}, signal } as const
  const { body } = await transport.request(request)
  return Buffer.from(await readAll(body, 1e7)).toString()
}

/** Answers with what it was asked; its name is resolved by proxies alone. */
async function startPlainServer() {
  const server = createServer(({ url, headers }, response) => {
    const { host, 'proxy-authorization': secret = 'nothing' } = headers
    response.end(`${host} ${url} ${secret}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`http://registry.tls.test:${port}/v2/?a=b`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe.skipIf(!haveOpenssl())('https through a proxy', async () => {
  const certificates = await someCertificates()
  const { ca, client } = certificates
  const tls = { ca, client, verification: 'full' } as const

  it('goes in a tunnel, with the TLS of the upstream behind it', async () => {
    await using server = await startTlsServer(certificates)
    await using proxy = await HttpProxy.start()
    const url = server.at('registry.tls.test')
    await using transport = through(proxy, { url, tls })
    expect(await ask(transport, url)).toBe('client')
    expect(await ask(transport, url)).toBe('client')
    expect(await ask(transport, server.at('cdn.tls.test'))).toBe('nobody')
    expect(proxy.asked).toEqual([
      `CONNECT registry.tls.test:${url.port}`,
      `CONNECT cdn.tls.test:${url.port}`,
    ])
  })

  it('brings every byte of a large answer', async () => {
    const content = randomBytes(4_000_000).toString('base64')
    await using server = await startTlsServer(certificates, content)
    await using proxy = await HttpProxy.start()
    const url = server.at('registry.tls.test')
    await using transport = through(proxy, { url, tls })
    expect((await ask(transport, new URL('/content', url))) === content).toBe(true)
  })

  it('goes through a proxy that is asked over TLS itself', async () => {
    const content = randomBytes(1_000_000).toString('base64')
    await using server = await startTlsServer(certificates, content)
    await using proxy = await HttpProxy.start({ tls: certificates.server })
    const url = server.at('registry.tls.test')
    await using transport = through(proxy, { url, tls })
    expect((await ask(transport, new URL('/content', url))) === content).toBe(true)
    await using unknown = through(proxy, { url })
    expect(String(await caught(ask(unknown, url)))).toMatch(
      /the proxy localhost:\d+ cannot be reached \((UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED)/,
    )
    expect(proxy.asked).toHaveLength(1)
  })

  it('that waits for its tunnel ends with the transport, or when its asker leaves', async () => {
    await using proxy = await HttpProxy.start({ refuses: 'never' })
    const transport = through(proxy, {})
    const leaving = new AbortController()
    const url = new URL('https://registry.tls.test/')
    const about = { kind: 'blob', method: 'GET', url, headers: {} } as const
    const left = caught(transport.request({ ...about, signal: leaving.signal }))
    const stayed = caught(transport.request({ ...about, signal }))
    await eventually('both are asked for', () => proxy.asked.length === 2)
    leaving.abort(new Error('gone'))
    expect(await left).toBe(leaving.signal.reason)
    await transport[Symbol.asyncDispose]()
    expect(await stayed).toMatchObject({ kind: 'unreachable' })
  })

  it('is not believed where nobody vouches for what is behind the tunnel', async () => {
    await using server = await startTlsServer(certificates)
    await using proxy = await HttpProxy.start()
    const url = server.at('registry.tls.test')
    await using transport = through(proxy, { url })
    const error = await caught(ask(transport, url))
    expect(error).toMatchObject({ kind: 'unreachable' })
    expect(String(error)).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED/)
  })

  it('tells the proxy who we are, and the upstream not', async () => {
    await using server = await startTlsServer(certificates)
    await using proxy = await HttpProxy.start({ credentials: 'alice:open sesame' })
    const authorization = basicAuthorization({ username: 'alice', password: 'open sesame' })
    const https = { url: proxy.url, authorization }
    const url = server.at('registry.tls.test')
    const proxies = { http: undefined, https, except: [] }
    await using transport = through(proxy, { url, tls, proxies })
    expect(await ask(transport, url)).toBe('client')
  })

  it('does not go through the proxy to where we are ourselves', async () => {
    await using server = await startTlsServer(certificates)
    await using proxy = await HttpProxy.start()
    await using transport = through(proxy, { url: server.at('registry.tls.test'), tls })
    expect(await ask(transport, server.at('localhost')).catch(String)).toContain('private address')
    await using inner = through(proxy, { url: server.at('localhost'), tls })
    expect(await ask(inner, server.at('localhost'))).toBe('client')
    expect(proxy.asked).toEqual([])
  })

  it.each([
    [{ credentials: 'alice:x' }, /the proxy 127\.0\.0\.1:\d+ wants credentials \(407\)$/],
    [{ refuses: 403 }, /the proxy \S+ answered 403 instead of registry\.tls\.test:443$/],
    [{ refuses: 'never' }, /the proxy \S+ did not answer in time$/],
  ] as const)('is unreachable where the proxy does %j', async (options, message) => {
    await using proxy = await HttpProxy.start(options)
    await using transport = through(proxy, { connectTimeoutMs: 200 })
    const error = await caught(ask(transport, new URL('https://registry.tls.test/')))
    expect(error).toMatchObject({ kind: 'unreachable' })
    expect(String(error)).toMatch(message)
  })

  it('is unreachable where the proxy is down', async () => {
    await using transport = through(new URL(`http://127.0.0.1:${await freePort()}`), {})
    const error = await caught(ask(transport, new URL('https://registry.tls.test/')))
    expect(String(error)).toMatch(/the proxy \S+ cannot be reached \(ECONNREFUSED\)$/)
  })
})

describe('http through a proxy', () => {
  it('is asked of the proxy', async () => {
    await using server = await startPlainServer()
    await using proxy = await HttpProxy.start({ credentials: 'alice:' })
    const authorization = basicAuthorization({ username: 'alice', password: '' })
    const http = { url: proxy.url, authorization }
    const proxies = { http, https: undefined, except: [] }
    await using transport = through(proxy, { url: server.url, proxies })
    const { host } = server.url
    expect(await ask(transport, server.url)).toBe(`${host} /v2/?a=b nothing`)
    expect(proxy.asked).toEqual([`GET ${server.url.href}`])
  })

  it('is unreachable where the proxy does not know us, or is down', async () => {
    await using server = await startPlainServer()
    await using proxy = await HttpProxy.start({ credentials: 'alice:' })
    await using transport = through(proxy, { url: server.url })
    expect(await caught(ask(transport, server.url))).toMatchObject({
      kind: 'unreachable',
      message: `registry.test: the proxy ${proxy.url.host} wants credentials (407)`,
    })
    await using down = through(new URL(`http://127.0.0.1:${await freePort()}`), {})
    expect(String(await caught(ask(down, server.url)))).toMatch(
      /through the proxy \S+, cannot be reached \(ECONNREFUSED\)$/,
    )
  })
})

describe('a public upstream behind a proxy', () => {
  it.each(['http://localhost:1/', 'http://10.0.0.1/', 'https://169.254.169.254/', 'http://[::1]/'])(
    'may not lead to %s',
    async (url) => {
      await using proxy = await HttpProxy.start()
      await using transport = through(proxy, {})
      const error = await caught(ask(transport, new URL(url)))
      expect(error).toMatchObject({ kind: 'refused' })
      expect(proxy.asked).toEqual([])
    },
  )
})
