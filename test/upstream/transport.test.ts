import { getEventListeners } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Transport, type TransportOptions } from '../../src/upstream/transport.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { caught } from '../support/caught.ts'
import { eventually } from '../support/eventually.ts'
import { startFakeHub } from '../support/fake-hub/fake-hub.ts'
import { bytesOf } from '../support/images.ts'

const never = new AbortController().signal

function open(options: Partial<TransportOptions> = {}): Transport {
  const url = new URL('http://127.0.0.1/')
  return new Transport({ upstream: 'hub.test', url, userAgent: 'entrepot/test', ...options })
}

function get(url: URL | string, signal = never) {
  return { kind: 'blob', method: 'GET', url: new URL(url), headers: {}, signal } as const
}

async function serve(listener: RequestListener) {
  const sockets = new Set<Socket>()
  const server = createServer(listener)
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    sockets,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('a request', () => {
  it('is an answer whatever its status, and leaves redirects and encodings alone', async () => {
    await using server = await serve((request, response) => {
      expect(request.headers['user-agent']).toBe('entrepot/test')
      expect(request.headers['accept-encoding']).toBeUndefined()
      response.writeHead(307, { location: '/elsewhere', 'content-encoding': 'gzip' })
      response.end('as it is')
    })
    await using transport = open()
    const { status, headers, body } = await transport.request(get(server.url))
    expect([status, headers.location]).toEqual([307, '/elsewhere'])
    expect(Buffer.from(await readAll(body, 100)).toString()).toBe('as it is')
  })

  it('has fields that came several times as one', async () => {
    await using server = await serve((_, response) => {
      const challenges = [
        'WWW-Authenticate',
        'Basic realm="a"',
        'WWW-Authenticate',
        'Bearer realm="b"',
      ]
      response.writeHead(401, [...challenges, 'Retry-After', '3', 'Retry-After', '4']).end()
    })
    await using transport = open()
    const { headers, body } = await transport.request(get(server.url))
    await body[Symbol.asyncDispose]()
    expect(headers['www-authenticate']).toBe('Basic realm="a", Bearer realm="b"')
    expect(headers['retry-after']).toBe('3')
  })

  it('uses a connection again after the body, or after the little that is left of one', async () => {
    await using server = await serve((_, response) => response.end(bytesOf('x', 5000)))
    await using transport = open()
    await readAll((await transport.request(get(server.url))).body, 10_000)
    const unread = await transport.request(get(server.url))
    await unread.body[Symbol.asyncDispose]()
    await readAll((await transport.request(get(server.url))).body, 10_000)
    expect(server.sockets.size).toBe(1)
  })

  it('reports answers and bytes', async () => {
    await using server = await serve((_, response) => response.end('12345'))
    const reported: unknown[] = []
    await using transport = open({
      events: {
        upstreamAnswered: ({ kind, method, status }) => reported.push([kind, method, status]),
        bytesFetched: (upstream, bytes) => reported.push([upstream, bytes]),
        breakerChanged: () => undefined,
      },
    })
    await readAll((await transport.request(get(server.url))).body, 10)
    await caught(transport.request(get('http://127.0.0.1:1/')))
    expect(reported).toEqual([
      ['blob', 'GET', 200],
      ['hub.test', 5],
      ['blob', 'GET', 'error'],
    ])
  })
})

describe('a body', () => {
  it('is taken no faster than it is read', async () => {
    let sentBytes = 0
    await using server = await serve((_, response) => {
      const chunk = Buffer.alloc(256 * 1024)
      const write = () => {
        while (sentBytes < 64 * 1024 * 1024) {
          sentBytes += chunk.length
          if (!response.write(chunk)) return
        }
        response.end()
      }
      response.on('drain', write)
      write()
    })
    await using transport = open()
    const { body } = await transport.request(get(server.url))
    let lastBytes = -1
    await eventually('the server has stopped', async () => {
      const isStill = sentBytes === lastBytes
      lastBytes = sentBytes
      await new Promise((resolve) => setTimeout(resolve, 50))
      return isStill
    })
    expect(sentBytes).toBeLessThan(32 * 1024 * 1024)
    expect((await readAll(body, 64 * 1024 * 1024)).length).toBe(64 * 1024 * 1024)
  })

  it('closes the connection when its reader leaves far from its end', async () => {
    await using server = await serve((_, response) => response.write(Buffer.alloc(300_000)))
    await using transport = open()
    const { body } = await transport.request(get(server.url))
    await body.read(Buffer.alloc(10))
    await body[Symbol.asyncDispose]()
    await eventually('closed', () => [...server.sockets].every((socket) => socket.destroyed))
    await expect(body.read(Buffer.alloc(10))).rejects.toThrow('disposed')
  })

  it('wakes a read that waits when it is disposed', async () => {
    await using server = await serve((_, response) => response.flushHeaders())
    await using transport = open()
    const { body } = await transport.request(get(server.url))
    const reading = caught(body.read(Buffer.alloc(10)))
    await body[Symbol.asyncDispose]()
    expect(String(await reading)).toContain('disposed')
  })

  it('gives what came before a cut, and then says so', async () => {
    await using hub = await startFakeHub({ auth: 'none' })
    const fault = { kind: 'answer', status: 200, body: bytesOf('x', 5000) } as const
    hub.fault({}, fault)
    hub.fault({}, { kind: 'cut', afterBytes: 3000 })
    await using transport = open()
    const { body } = await transport.request(get(`${hub.url}/`))
    const got: Buffer[] = []
    const read = async () => {
      for (;;) {
        const part = Buffer.alloc(700)
        const count = await body.read(part)
        if (count === 0) return
        got.push(part.subarray(0, count))
      }
    }
    expect(await caught(read())).toMatchObject({ kind: 'unreachable', upstream: 'hub.test' })
    expect(Buffer.concat(got)).toEqual(bytesOf('x', 5000).subarray(0, 3000))
  })

  it.each([1000, -1000])(
    'that is not as long as declared (%d) is no whole body',
    async (byBytes) => {
      await using hub = await startFakeHub({ auth: 'none' })
      hub.fault({}, { kind: 'answer', status: 200, body: bytesOf('x', 5000) })
      hub.fault({}, { kind: 'wrong-length', byBytes })
      await using transport = open()
      const { body, declaredBytes } = await transport.request(get(`${hub.url}/`))
      expect(declaredBytes).toBe(5000 + byBytes)
      const got = await readAll(body, 10_000).then(
        (bytes) => bytes.length,
        () => 'broken',
      )
      expect(got).toBe(byBytes > 0 ? 'broken' : 4000)
    },
  )
})

describe('time limits', () => {
  it('no connection', async () => {
    await using transport = open({ connectTimeoutMs: 1 })
    // TEST-NET-1 (RFC 5737) answers nowhere; where it is unreachable at once, that is told.
    const error = await caught(transport.request(get('http://192.0.2.1/')))
    expect(error).toMatchObject({ transient: true, upstream: 'hub.test' })
  })

  it('no headers', async () => {
    await using server = await serve(() => undefined)
    await using transport = open({ headersTimeoutMs: 50 })
    expect(await caught(transport.request(get(server.url)))).toMatchObject({ kind: 'timeout' })
  })

  it('no progress of a body that somebody reads', async () => {
    await using server = await serve((_, response) => response.write('abc'))
    await using transport = open({ progressTimeoutMs: 50 })
    const { body } = await transport.request(get(server.url))
    expect(await caught(readAll(body, 10))).toMatchObject({ kind: 'timeout' })
  })

  it('never ends a body that waits for its reader', async () => {
    const bytes = bytesOf('x', 16 * 1024 * 1024)
    await using server = await serve((_, response) => response.end(bytes))
    await using transport = open({ progressTimeoutMs: 50 })
    const { body } = await transport.request(get(server.url))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(Buffer.from(await readAll(body, bytes.length)).equals(bytes)).toBe(true)
  })
})

describe('a public upstream', () => {
  it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])('may not lead to %s', async (host) => {
    let asked = 0
    await using server = await serve((_, response) => {
      asked++
      response.end()
    })
    await using transport = open({ url: new URL('https://192.0.2.1/') })
    const url = new URL(server.url)
    url.hostname = host
    const error = await caught(transport.request(get(url)))
    expect(error).toMatchObject({ kind: 'refused', transient: false })
    expect(asked).toBe(0)
  })

  it('may lead to a private host that is allowed', async () => {
    await using server = await serve((_, response) => response.end())
    await using transport = open({
      url: new URL('https://192.0.2.1/'),
      privateHosts: ['127.0.0.1'],
    })
    expect(await transport.request(get(server.url))).toMatchObject({ status: 200 })
  })
})

describe('a signal', () => {
  it('ends a request before its answer', async () => {
    await using server = await serve(() => undefined)
    await using transport = open()
    const leaving = new AbortController()
    const asked = caught(transport.request(get(server.url, leaving.signal)))
    await eventually('connected', () => server.sockets.size === 1)
    leaving.abort(new Error('gone'))
    expect(await asked).toBe(leaving.signal.reason)
    await eventually('closed', () => [...server.sockets].every((socket) => socket.destroyed))
  })

  it('ends a body, and what has come of it is not given any more', async () => {
    await using server = await serve((_, response) => response.write('abc'))
    await using transport = open()
    const leaving = new AbortController()
    const { body } = await transport.request(get(server.url, leaving.signal))
    leaving.abort(new Error('gone'))
    expect(await caught(body.read(Buffer.alloc(10)))).toBe(leaving.signal.reason)
  })

  it('keeps no listeners after the end', async () => {
    await using server = await serve((_, response) => response.end('abc'))
    await using transport = open()
    const { signal } = new AbortController()
    await readAll((await transport.request(get(server.url, signal))).body, 10)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await caught(transport.request(get('http://127.0.0.1:1/', signal)))
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

it('disposing the transport ends what is under way', async () => {
  await using server = await serve(() => undefined)
  const transport = open()
  const asked = caught(transport.request(get(server.url)))
  await eventually('connected', () => server.sockets.size === 1)
  await transport[Symbol.asyncDispose]()
  expect(await asked).toMatchObject({ kind: 'unreachable' })
  expect(await caught(transport.request(get(server.url)))).toMatchObject({ kind: 'unreachable' })
})
