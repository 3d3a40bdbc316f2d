import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { Agent } from 'undici'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import { recycledReads } from '../../src/upstream/recycled-reads.ts'
import { Transport } from '../../src/upstream/transport.ts'
import { readAll } from '../../src/util/byte-reader.ts'
import { eventually } from '../support/eventually.ts'
import { bytesOf } from '../support/images.ts'

const KIB = 1024
const never = new AbortController().signal

/** Small pieces are for the beginning; a whole body of them would only take long. */
const MAX_PIECES = 100

/** Headers in small pieces, then the body in pieces of the given sizes, all in turns of their own. */
function inPieces(body: Buffer, sizes: readonly number[]): RequestListener {
  return (incoming, response) => {
    const { socket } = incoming
    socket.setNoDelay(true)
    const send = async () => {
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nx-long: ${'h'.repeat(900)}\r\n\r\n`
      for (let at = 0; at < head.length; at += 100) {
        socket.write(head.slice(at, at + 100))
        await setImmediate()
      }
      for (let at = 0, turn = 0; at < body.length; turn++) {
        const size = (turn < MAX_PIECES && sizes[turn % sizes.length]) || 400 * KIB
        const isRoomy = socket.write(body.subarray(at, at + size))
        at += size
        if (!isRoomy) await new Promise((resolve) => socket.once('drain', resolve))
        else await setImmediate()
      }
    }
    void send().catch((error: unknown) => response.destroy(error as Error))
  }
}

async function listening(server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const sizes = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 2 * KIB }),
    fc.integer({ min: 15 * KIB, max: 17 * KIB }),
    fc.integer({ min: 60 * KIB, max: 600 * KIB }),
  ),
  { minLength: 1, maxLength: 6 },
)

describe('a body over sockets that use their memory again', () => {
  const body = bytesOf('recycled', 3_000_000)

  test('is right whatever pieces it comes in and however it is read, on connections used again', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.array(fc.integer({ min: 100, max: 300 * KIB }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        async (pieces, reads, pauses) => {
          await using server = await listening(createPlainServer(inPieces(body, pieces)))
          const url = new URL(`http://127.0.0.1:${server.port}/`)
          await using transport = new Transport({ upstream: 'hub.test', url, userAgent: 'test' })
          const pull = async () => {
            const answer = { kind: 'blob', method: 'GET', url, headers: {}, signal: never } as const
            const response = await transport.request(answer)
            await using reader = response.body
            expect(response.headers['x-long']).toBe('h'.repeat(900))
            const chunks: Buffer[] = []
            for (let turn = 0; ; turn++) {
              const into = Buffer.alloc(reads[turn % reads.length] ?? KIB)
              const count = await reader.read(into)
              if (count === 0) break
              chunks.push(into.subarray(0, count))
              if (pauses[turn % pauses.length]) await setImmediate()
            }
            return digestOf(Buffer.concat(chunks))
          }
          const digests = [...(await Promise.all([pull(), pull()])), await pull()]
          expect(digests).toEqual(Array(3).fill(digestOf(body)))
        },
      ),
      { numRuns: 15 },
    )
  })

  test('is right when its reader stops until nothing more fits anywhere', async () => {
    const large = bytesOf('large', 24_000_000)
    const sent: Socket[] = []
    await using server = await listening(
      createPlainServer((incoming, response) => {
        sent.push(incoming.socket)
        response.end(large)
      }),
    )
    const url = new URL(`http://127.0.0.1:${server.port}/`)
    await using transport = new Transport({ upstream: 'hub.test', url, userAgent: 'test' })
    const get = { kind: 'blob', method: 'GET', url, headers: {}, signal: never } as const
    const stopped = [await transport.request(get), await transport.request(get)]
    let unsentBytes = 0
    await eventually('both senders are stuck', () => {
      const before = unsentBytes
      unsentBytes = sent.reduce((sum, socket) => sum + socket.writableLength, 0)
      return unsentBytes > 0 && unsentBytes === before
    })
    const answers = [...stopped, await transport.request(get)]
    const bodies = await Promise.all(answers.map(({ body }) => readAll(body, large.length)))
    expect(bodies.map((bytes) => digestOf(bytes))).toEqual(Array(3).fill(digestOf(large)))
  })

  test('is right when its consumer lets it pile up in the socket', async () => {
    await using server = await listening(createPlainServer((_, response) => response.end(body)))
    const roomy = { port: server.port, highWaterMark: 2 * body.length, ...recycledReads() }
    const socket = connect(roomy)
    socket.write('GET / HTTP/1.0\r\n\r\n')
    await eventually('all of it is in the socket', () => socket.readableLength > body.length)
    const piled = socket.read() as Buffer
    expect(digestOf(piled.subarray(-body.length))).toBe(digestOf(body))
    socket.destroy()
  })

  test('is not read while its consumer asks for nothing', async () => {
    const large = bytesOf('large', 24_000_000)
    const sent: Socket[] = []
    await using server = await listening(
      createPlainServer((incoming, response) => {
        sent.push(incoming.socket)
        response.end(large)
      }),
    )
    const socket = connect({ port: server.port, ...recycledReads() })
    socket.on('readable', () => {})
    socket.write('GET / HTTP/1.0\r\n\r\n')
    let unsentBytes = 0
    await eventually('the sender is stuck', () => {
      const before = unsentBytes
      unsentBytes = sent[0]?.writableLength ?? 0
      return unsentBytes > 0 && unsentBytes === before
    })
    expect(socket.readableLength).toBeLessThanOrEqual(512 * KIB)
    socket.destroy()
  })

  const certificate = selfSigned()
  test.skipIf(!certificate)('is right over TLS', async () => {
    const { cert, key } = certificate!
    await using server = await listening(
      createTlsServer({ cert, key }, inPieces(body, [1000, 300_000, 16 * KIB])),
    )
    const options = { ca: cert, servername: 'localhost', ...recycledReads() }
    const agent = new Agent({ connect: options })
    const chunks: Buffer[] = []
    const ended = Promise.withResolvers<void>()
    agent.dispatch(
      { origin: `https://127.0.0.1:${server.port}`, path: '/', method: 'GET' },
      {
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData: (_, chunk) => void chunks.push(Buffer.from(chunk)),
        onResponseEnd: () => ended.resolve(),
        onResponseError: (_, error) => ended.reject(error),
      },
    )
    await ended.promise
    await agent.close()
    expect(digestOf(Buffer.concat(chunks))).toBe(digestOf(body))
  })
})

/** A certificate for localhost made by openssl; `undefined`, told loudly, where there is none. */
function selfSigned(): { cert: string; key: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'entrepot-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  try {
    execFileSync(
      'openssl',
      [...args, ...names, '-nodes', '-days', '2', '-keyout', key, '-out', cert],
      {
        stdio: 'ignore',
      },
    )
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  } catch (error) {
    console.warn(`skipped: TLS, since openssl cannot make a certificate (${String(error)})`)
    return undefined
  } finally {
    rmSync(folder, { recursive: true })
  }
}
