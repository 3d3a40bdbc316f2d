import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { ByteReader } from '../util/byte-reader.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Exchange } from './exchange.ts'

export interface BlobAnswer {
  status: number
  headers: OutgoingHttpHeaders
  body: ByteReader
  /** Of the body as it is sent. */
  lengthBytes: number
}

/**
 * Writes headers and body, and ends the response. One write at a time, and the next chunk is read
 * meanwhile where the pool has a buffer for that: at most two buffers a response, however slow the
 * client. Disposes the body. Rejects when the body fails or ends early, or the client leaves: the
 * headers are sent with the first bytes, so that who has none of them can be told why; else the
 * caller destroys the response, which is all that a client can still be told.
 */
export async function sendBlob(
  response: ServerResponse,
  { status, headers, body, lengthBytes }: BlobAnswer,
  pool: BufferPool,
  exchange: Exchange,
): Promise<void> {
  let disposal: Promise<void> | undefined
  const dispose = () => (disposal ??= Promise.resolve(body[Symbol.asyncDispose]()))
  // A read may wait long for an upstream; the client that leaves ends it. Whether disposing fails
  // is for the `finally` below, which waits for the same promise.
  const leave = () => void dispose().catch(() => {})
  response.once('close', leave)
  let buffer = pool.take()
  let ahead = pool.takeAhead()
  let isIdle = false
  try {
    let left = lengthBytes
    let count = await readNext(response, body, buffer, left)
    response.writeHead(status, headers)
    while (left > count) {
      const sending = send(response, 'write', buffer.subarray(0, count), exchange)
      left -= count
      if (ahead) {
        ;[buffer, ahead] = [ahead, buffer]
        ;[count] = await Promise.all([readNext(response, body, buffer, left), sending])
      } else {
        await sending
        count = await readNext(response, body, buffer, left)
      }
    }
    await send(response, 'end', buffer.subarray(0, count), exchange)
    isIdle = true
  } finally {
    response.off('close', leave)
    for (const used of ahead ? [buffer, ahead] : [buffer]) {
      if (isIdle) pool.give(used)
      else pool.drop(used)
    }
    await dispose()
  }
}

async function readNext(
  response: ServerResponse,
  body: ByteReader,
  buffer: Buffer,
  left: number,
): Promise<number> {
  if (left === 0) return 0
  if (response.destroyed) throw new Error('the client has left')
  const count = await body.read(left < buffer.length ? buffer.subarray(0, left) : buffer)
  if (count === 0) throw new Error(`the body ended ${left} bytes early`)
  return count
}

/** Resolves once the chunk may be overwritten; the callback may never come when the connection is gone. */
function send(
  response: ServerResponse,
  method: 'write' | 'end',
  chunk: Buffer,
  exchange: Exchange,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const leave = () => reject(new Error('the client has left'))
  if (response.destroyed) leave()
  else response.once('close', leave)
  response[method](chunk, (error?: Error | null) => {
    response.off('close', leave)
    if (error) return reject(error)
    exchange.bytes += chunk.length
    resolve()
  })
  exchange.firstByteAtMs ??= performance.now()
  return promise
}
