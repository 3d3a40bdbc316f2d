import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { S3Bucket } from '../../src/store/s3-bucket.ts'
import { LANDING_BYTES } from '../../src/store/s3-connection.ts'
import { openS3Object } from '../../src/store/s3-reader.ts'
import { readAll, readExactly } from '../../src/util/byte-reader.ts'
import { caught } from '../support/caught.ts'
import { haveOpenssl, makeCertificates } from '../support/certificates.ts'
import { bytesOf } from '../support/images.ts'
import { type Speech, SpokenS3 } from '../support/spoken-s3.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MIB = 1024 * 1024
const REFUSAL = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`

describe('objects over connections of our own', () => {
  it('come one after the other over one connection', async () => {
    await using s3 = await SpokenS3.start([says('first'), says('second')])
    expect(await objectIn(s3.bucket)).toBe('first')
    expect(await objectIn(s3.bucket)).toBe('second')
    expect(s3.connections).toBe(1)
    expect(s3.requests[0]).toMatch(/^GET \/spoken\/key\?x-id=GetObject HTTP\/1\.1\r\n/)
    expect(s3.requests[0]).toMatch(/\r\nauthorization: AWS4-HMAC-SHA256 /i)
  })

  it('come though answers arrive byte by byte', async () => {
    await using s3 = await SpokenS3.start([writes(...answer('slowly').split(''))])
    expect(await objectIn(s3.bucket)).toBe('slowly')
  })

  it('are told to be absent in chunks', async () => {
    await using s3 = await SpokenS3.start([refuses(404, 'NoSuchKey')])
    expect(await openS3Object(s3.bucket, 'key', undefined)).toBeUndefined()
  })

  it('are asked for again when S3 is too busy, and says so in chunks', async () => {
    await using s3 = await SpokenS3.start([refuses(503, 'SlowDown'), says('after all')])
    expect(await objectIn(s3.bucket)).toBe('after all')
    expect(s3.requests).toHaveLength(2)
  })

  it('are asked for again no sooner than S3 says', async () => {
    const times: number[] = []
    const noted =
      (speech: Speech): Speech =>
      (socket) => {
        times.push(performance.now())
        speech(socket)
      }
    const speeches = [refuses(503, 'SlowDown', 'Retry-After: 1\r\n'), says('later')].map(noted)
    await using s3 = await SpokenS3.start(speeches)
    expect(await objectIn(s3.bucket)).toBe('later')
    expect(times[1]! - times[0]!).toBeGreaterThan(990)
  })

  it('come over a new connection when the last was closed meanwhile', async () => {
    let closed: Promise<unknown> | undefined
    const lastWords: Speech = (socket) => {
      // When the other side has closed as well, it knows.
      closed = once(socket, 'close')
      socket.end(answer('first'))
    }
    await using s3 = await SpokenS3.start([lastWords, says('second')])
    expect(await objectIn(s3.bucket)).toBe('first')
    await closed
    expect(await objectIn(s3.bucket)).toBe('second')
    expect(s3.requests).toHaveLength(2)
  })

  it('come over a new connection when S3 wants no more over the last', async () => {
    const last = answer('first').replace('\r\n', '\r\nConnection: close\r\n')
    await using s3 = await SpokenS3.start([writes(last), says('second')])
    expect(await objectIn(s3.bucket)).toBe('first')
    expect(await objectIn(s3.bucket)).toBe('second')
    expect(s3.connections).toBe(2)
  })

  it('come over a new connection when more came over the last than was asked for', async () => {
    const speeches = [writes(`${answer('first')}and more`), says('second')]
    await using s3 = await SpokenS3.start(speeches)
    expect(await objectIn(s3.bucket)).toBe('first')
    expect(await objectIn(s3.bucket)).toBe('second')
    expect(s3.connections).toBe(2)
  })

  it.each([
    ['has no length', 'HTTP/1.1 200 OK\r\n\r\nbytes', 'does not say how long'],
    ['is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'no HTTP answer begins with "SSH-2.0'],
    ['has no end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}`, 'are no answer of S3'],
  ])('are not read from an answer that %s', async (_, text, message) => {
    await using s3 = await SpokenS3.start([writes(text)])
    expect(await caught(objectIn(s3.bucket))).toMatchObject({
      name: 'StoreError',
      kind: 'io',
      message: expect.stringContaining(message) as string,
    })
  })

  it('are given up when S3 is silent however often it is asked', async () => {
    await using s3 = await SpokenS3.start([], { answerWithinMs: 100 })
    expect(await caught(objectIn(s3.bucket))).toMatchObject({
      name: 'StoreError',
      message: expect.stringContaining('nothing has come from S3 for 100 ms') as string,
    })
    expect(s3.requests).toHaveLength(3)
  })

  it('are read on after a stall, from where they were', async () => {
    const half = answer('half of it', 'half'.length)
    const rest = answer(' of it').replace('200 OK', '206 OK\r\nContent-Range: bytes 4-9/10')
    await using s3 = await SpokenS3.start([writes(half), writes(rest)], { idleMs: 100 })
    expect(await objectIn(s3.bucket)).toBe('half of it')
    expect(s3.requests[1]).toMatch(/\r\nrange: bytes=4-9\r\n/i)
  })

  it('are not read on from an answer that begins anew', async () => {
    const half = answer('half of it', 'half'.length)
    await using s3 = await SpokenS3.start([writes(half), says('half of it')], { idleMs: 100 })
    expect(await caught(objectIn(s3.bucket))).toMatchObject({
      message: 'cannot read key on: S3 begins anew',
    })
  })

  it('are given up by a reader that is disposed while it waits', async () => {
    const left = Promise.withResolvers<unknown>()
    const half: Speech = (socket) => {
      left.resolve(once(socket, 'close'))
      socket.write(answer('half of it', 'half'.length))
    }
    await using s3 = await SpokenS3.start([half])
    const reader = (await openS3Object(s3.bucket, 'key', undefined))!
    await readExactly(reader, 4)
    const reading = caught(reader.read(Buffer.alloc(10)))
    await reader[Symbol.asyncDispose]()
    expect(await reading).toMatchObject({ name: 'StoreError' })
    await left.promise
    expect(s3.requests).toHaveLength(1)
  })

  it('end with the bucket, and their connections with them', async () => {
    const closed: Promise<unknown>[] = []
    const watched =
      (text: string): Speech =>
      (socket) => {
        closed.push(once(socket, 'close'))
        socket.write(text)
      }
    const half = answer('half of it', 'half'.length)
    await using s3 = await SpokenS3.start([watched(half), watched(answer('free'))])
    await using reader = (await openS3Object(s3.bucket, 'key', undefined))!
    await readExactly(reader, 4)
    expect(await objectIn(s3.bucket)).toBe('free')
    const reading = caught(reader.read(Buffer.alloc(10)))
    await s3.bucket[Symbol.asyncDispose]()
    expect(await reading).toMatchObject({ name: 'StoreError' })
    expect(closed).toHaveLength(2)
    await Promise.all(closed)
  })

  it('come into the memory of who reads, and nowhere else, however much is read at once', async () => {
    const size = 4 * MIB
    const bytes = bytesOf('piecemeal', size)
    const large: Speech = (socket) => {
      socket.write(answer('', 0, size))
      socket.write(bytes)
    }
    const lengths = [[MIB], [1, 100_000, 16 * 1024, 16 * 1024 + 1], [300_000, 5]]
    await using s3 = await SpokenS3.start(lengths.map(() => large))
    const readings = lengths.map(async (cycle) => {
      await using reader = (await openS3Object(s3.bucket, 'key', undefined))!
      const reads: { memory: Buffer; count: number }[] = []
      for (let position = 0; position < size; position += reads.at(-1)!.count) {
        const memory = Buffer.alloc(cycle[reads.length % cycle.length]!)
        reads.push({ memory, count: await reader.read(memory) })
      }
      return reads
    })
    for (const reads of await Promise.all(readings)) {
      const parts = reads.map(({ memory, count }) => memory.subarray(0, count))
      expect(Buffer.concat(parts).equals(bytes)).toBe(true)
      // Looked at only now: what a connection held on to it would have written to since.
      const rest = Buffer.concat(reads.map(({ memory, count }) => memory.subarray(count)))
      expect(rest.equals(Buffer.alloc(rest.length))).toBe(true)
    }
  })

  it('are read on when nothing came after a full landing', async () => {
    const bytes = bytesOf('a full landing', 3 * LANDING_BYTES)
    let later: (() => void) | undefined
    const begins: Speech = (socket) => {
      socket.write(answer('', 0, bytes.length))
      later = () => socket.write(bytes.subarray(0, LANDING_BYTES))
    }
    const goesOn: Speech = (socket) => {
      const first = Number(/\r\nrange: bytes=(\d+)-/i.exec(s3.requests.at(-1)!)![1])
      const range = `Content-Range: bytes ${first}-${bytes.length - 1}/${bytes.length}`
      const head = answer('', 0, bytes.length - first).replace('200 OK', `206 OK\r\n${range}`)
      socket.write(head)
      socket.write(bytes.subarray(first))
    }
    await using s3 = await SpokenS3.start([begins, goesOn], { idleMs: 100 })
    await using reader = (await openS3Object(s3.bucket, 'key', undefined))!
    const reading = readExactly(reader, bytes.length)
    later!()
    expect(Buffer.from(await reading).equals(bytes)).toBe(true)
    expect(s3.requests).toHaveLength(2)
  })

  it('come no faster than they are read, however many are', async () => {
    const [size, readers] = [16 * MIB, 64]
    const head = answer('', 0, size)
    const bytes = bytesOf('large', size)
    const large: Speech = (socket) => {
      socket.write(head)
      socket.write(bytes)
    }
    const others = Array.from({ length: 50 }, () => says('another'))
    const speeches = [...Array.from({ length: readers }, () => large), ...others]
    await using s3 = await SpokenS3.start(speeches)
    await using stack = new AsyncDisposableStack()
    const before = process.memoryUsage().arrayBuffers
    const opened = Array.from({ length: readers }, async () => {
      const reader = stack.use((await openS3Object(s3.bucket, 'key', undefined))!)
      await readExactly(reader, 1_000)
      return reader
    })
    const [first] = await Promise.all(opened)
    // Time enough for what would read on by itself.
    for (const _ of others) expect(await objectIn(s3.bucket)).toBe('another')
    const heldBytes = process.memoryUsage().arrayBuffers - before
    expect(heldBytes / readers).toBeLessThan(MIB / 2)
    const rest = Buffer.from(await readAll(first!, size))
    expect(rest.equals(bytes.subarray(1_000))).toBe(true)
  })

  it.runIf(haveOpenssl())('come over TLS, from who is believed', async () => {
    await using folder = await temporaryFolder()
    const { ca, server: pair } = makeCertificates(join(folder.path, 'tls'))
    const bytes = bytesOf('secured', 3 * MIB)
    let connections = 0
    const server = createServer(pair, (_, response) => response.end(bytes))
    server.on('secureConnection', () => connections++)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await using _server = { [Symbol.asyncDispose]: async () => void server.close() }
    const endpoint = new URL(`https://localhost:${(server.address() as AddressInfo).port}`)
    await using bucket = bucketAt(endpoint, ca)
    for (let reads = 0; reads < 3; reads++) {
      await using reader = await openS3Object(bucket, 'key', undefined)
      expect(Buffer.from(await readAll(reader!, bytes.length)).equals(bytes)).toBe(true)
    }
    expect(connections).toBe(1)
    await using stranger = bucketAt(endpoint, undefined)
    expect(await caught(openS3Object(stranger, 'key', undefined))).toMatchObject({
      name: 'StoreError',
      message: expect.stringContaining('unable to verify') as string,
    })
  })
})

async function objectIn(bucket: S3Bucket): Promise<string> {
  await using reader = await openS3Object(bucket, 'key', undefined)
  return Buffer.from(await readAll(reader!, MIB)).toString()
}

/** Of what it promises it may hold back all but the first bytes. */
function answer(text: string, sent = text.length, size = text.length): string {
  return `HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: ${size}\r\n\r\n${text.slice(0, sent)}`
}

function says(text: string): Speech {
  return writes(answer(text))
}

function writes(...texts: string[]): Speech {
  return (socket) => {
    for (const text of texts) socket.write(text)
  }
}

function refuses(status: number, code: string, headers = ''): Speech {
  const text = REFUSAL(code)
  const chunks = [text.slice(0, 10), text.slice(10)].map(
    (chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`,
  )
  const head = `HTTP/1.1 ${status} Refused\r\n${headers}Transfer-Encoding: chunked\r\n\r\n`
  return writes(head, ...chunks, '0\r\n\r\n')
}

function bucketAt(endpoint: URL, ca: string | undefined): S3Bucket {
  return new S3Bucket({
    bucket: 'secured',
    prefix: '',
    region: 'us-east-1',
    endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    ca,
  })
}
