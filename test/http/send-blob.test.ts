import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BufferPool } from '../../src/http/buffer-pool.ts'
import { newExchange } from '../../src/http/exchange.ts'
import { sendBlob } from '../../src/http/send-blob.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { UpstreamError } from '../../src/oci/upstream-error.ts'
import { ContentFeed } from '../../src/telemetry/content-feed.ts'
import { StoreError } from '../../src/store/store-error.ts'
import type { ByteReader } from '../../src/util/byte-reader.ts'
import { eventually } from '../support/eventually.ts'
import { bytesOf } from '../support/images.ts'
import { ask, errorOf, repository, startMirror, type TestMirror } from './mirror.ts'

const bytes = bytesOf('large', 24_000_000)
const digest = digestOf(bytes)
const path = `/v2/library/demo/blobs/${digest}`

let mirror: TestMirror

beforeEach(async () => {
  mirror = await startMirror()
  mirror.hub.addBlob(repository, digest, bytes)
})

afterEach(() => mirror[Symbol.asyncDispose]())

/** A client that has the headers and reads no more than the kernel takes for it. */
async function openSlowly(): Promise<IncomingMessage> {
  const { host, port } = mirror.server
  const outgoing = request({ host, port, path, agent: false }).end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

/** Gives what the body gives up to `limit` bytes, and then does as `after` says. */
function interrupted(limit: number, after: () => Promise<number>) {
  return (body: ByteReader): ByteReader => {
    let given = 0
    return {
      async read(into) {
        if (given >= limit) return after()
        const count = await body.read(into.subarray(0, limit - given))
        given += count
        return count
      },
      [Symbol.asyncDispose]: () => body[Symbol.asyncDispose](),
    }
  }
}

test.each<[string, () => Promise<number>]>([
  ['fails', () => Promise.reject(new UpstreamError('docker.io', 'invalid', 'wrong digest'))],
  ['ends early', () => Promise.resolve(0)],
])('a body that %s is cut, never completed', async (_, after) => {
  mirror.hub.wrap = interrupted(bytes.length - 1, after)
  const answer = await mirror.ask(path)
  expect(answer).toMatchObject({ status: 200, isComplete: false })
  expect(answer.body.length).toBeLessThan(bytes.length)
  expect(answer.body.equals(bytes.subarray(0, answer.body.length))).toBe(true)
  const line = await mirror.accessLine()
  expect(line).toMatchObject({ status: 200, aborted: true })
  expect(line['error']).toMatch(/wrong digest|1 bytes early/)
  expect(mirror.hub.openBodies).toBe(0)
})

test.each<[string, Error, number, string]>([
  ['upstream', new UpstreamError('docker.io', 'invalid', 'wrong digest'), 502, 'UPSTREAM_INVALID'],
  ['the store', new StoreError('io', 'the disk is broken'), 503, 'UNAVAILABLE'],
])('a body that fails before its first byte is told: %s', async (_, error, status, code) => {
  mirror.hub.wrap = interrupted(0, () => Promise.reject(error))
  const { headers, ...answer } = await mirror.ask(path, { headers: { Range: 'bytes=0-99' } })
  expect(answer).toMatchObject({ status, isComplete: true })
  expect(errorOf({ headers, ...answer }).code).toBe(code)
  expect(headers).not.toHaveProperty('cache-control')
  expect(headers).not.toHaveProperty('content-range')
  expect(await mirror.accessLine()).toMatchObject({ status, aborted: false })
  expect(mirror.hub.openBodies).toBe(0)
})

test('a body longer than its length is cut to it', async () => {
  mirror.hub.wrap = (body) => ({
    async read(into) {
      return (await body.read(into)) || into.fill(7).length
    },
    [Symbol.asyncDispose]: () => body[Symbol.asyncDispose](),
  })
  const answer = await mirror.ask(path)
  expect(answer.isComplete).toBe(true)
  expect(answer.body.equals(bytes)).toBe(true)
})

test('a client that leaves in the middle ends the wait for more', async () => {
  const disposed = Promise.withResolvers<number>()
  mirror.hub.wrap = (body) => ({
    ...interrupted(1000, () => disposed.promise)(body),
    // As the port asks: disposing rejects the read that waits.
    [Symbol.asyncDispose]: () => {
      disposed.reject(new Error('disposed'))
      return body[Symbol.asyncDispose]()
    },
  })
  const response = await openSlowly()
  response.destroy()
  expect(await mirror.accessLine()).toMatchObject({ status: 200, aborted: true, bytes: 1000 })
  await eventually('the body is disposed', () => mirror.hub.openBodies === 0)
  expect(mirror.logLines.some(({ msg }) => msg === 'request failed')).toBe(false)
})

test('a client that leaves during the last read is not waited for', async () => {
  const sent = Promise.withResolvers<void>()
  await using server = createServer((incoming, response) => {
    const left = once(response, 'close')
    const body: ByteReader = {
      async read() {
        incoming.socket.destroy()
        await left
        return 1
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
    const pool = new BufferPool({ chunkBytes: 2, smallBytes: 1, capBytes: 2, aheadBytes: 0 })
    const exchange = newExchange({
      remote: undefined,
      forwarded: undefined,
      signal: AbortSignal.timeout(60_000),
      feed: new ContentFeed(),
    })
    const answer = { status: 200, headers: {}, body, lengthBytes: 1 }
    sendBlob(response, answer, pool, exchange).then(sent.resolve, sent.reject)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const asked = ask({ host: '127.0.0.1', port }, '/')
  await Promise.all([
    expect(asked).rejects.toThrow('socket hang up'),
    expect(sent.promise).rejects.toThrow('the client has left'),
  ])
})

test('a client that resets the connection is no failure of the mirror', async () => {
  const response = await openSlowly()
  response.socket.resetAndDestroy()
  expect(await mirror.accessLine()).toMatchObject({ status: 200, aborted: true })
  await eventually('the body is disposed', () => mirror.hub.openBodies === 0)
  expect(mirror.logLines.some(({ msg }) => msg === 'request failed')).toBe(false)
})

test('a client that leaves before there is an answer aborts the pull', async () => {
  const reasons: unknown[] = []
  mirror.hub.before = async (signal) => {
    await once(signal, 'abort')
    reasons.push(signal.reason)
    signal.throwIfAborted()
  }
  const { host, port } = mirror.server
  const outgoing = request({ host, port, path, agent: false }).end()
  const gone = once(outgoing, 'error')
  await eventually('the source is asked', () => mirror.hub.asked.length > 0)
  outgoing.destroy()
  await gone
  expect(await mirror.accessLine()).toMatchObject({ status: 499, aborted: true, bytes: 0 })
  await eventually('the pull is aborted', () => reasons.length > 0)
  expect(mirror.logLines.some(({ msg }) => msg === 'request failed')).toBe(false)
  expect(mirror.events.totals().pulls.hit).toBe(0)
})

test.each([
  ['to read ahead with', 40],
  ['for', 130],
])(
  'clients that read nothing, more than there are buffers %s, hold up nobody',
  async (_, count) => {
    const slow = await Promise.all(Array.from({ length: count }, openSlowly))
    const answer = await mirror.ask(path)
    expect(answer.body.equals(bytes)).toBe(true)
    for (const response of slow) response.destroy()
    await eventually('all bodies are disposed', () => mirror.hub.openBodies === 0)
  },
)

test('a slow client gets every byte in the end', async () => {
  const response = await openSlowly()
  const fast = await mirror.ask(path)
  expect(fast.isComplete).toBe(true)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  expect(await mirror.accessLine(2)).toMatchObject({ bytes: bytes.length, aborted: false })
})

test('answers on one connection follow each other', async () => {
  const { host, port } = mirror.server
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sizes = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const outgoing = request({ host, port, path, agent }).end()
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
      let size = 0
      for await (const chunk of response) size += (chunk as Buffer).length
      return size
    }),
  )
  agent.destroy()
  expect(sizes).toEqual(Array(5).fill(bytes.length))
})
