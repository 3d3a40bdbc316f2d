import type { OutgoingHttpHeaders } from 'node:http'
import type { Context } from './exchange.ts'

/** On every answer below `/v2`; old clients take it for the sign of a registry. */
export const API_VERSION = { 'Docker-Distribution-Api-Version': 'registry/2.0' } as const

/** Up to this size a body goes out in one string with the headers, a fifth cheaper than in a writev. */
const SMALL_BODY_BYTES = 16 * 1024

/**
 * Sends a whole answer straight to the response, past Koa's own way, which the hot path would
 * feel. To a HEAD request the body is not sent, but its length is told.
 */
export function answer(
  context: Context,
  status: number,
  headers: OutgoingHttpHeaders,
  body: Uint8Array,
): void {
  const { res, state } = context
  context.respond = false
  headers['Content-Length'] = body.length
  res.writeHead(status, headers)
  if (context.method === 'HEAD') {
    res.end()
    return
  }
  state.exchange.firstByteAtMs = performance.now()
  const count = () => (state.exchange.bytes += body.length)
  // Latin-1 maps each byte to one character and back.
  if (body.length <= SMALL_BODY_BYTES) res.end(latin1Of(body), 'latin1', count)
  else res.end(body, count)
}

/** Sends headers alone: of a HEAD whose body is not at hand, or of a 304. */
export function answerHeaders(
  context: Context,
  status: number,
  headers: OutgoingHttpHeaders,
): void {
  context.respond = false
  context.res.writeHead(status, headers)
  context.res.end()
}

export function answerJson(
  context: Context,
  status: number,
  headers: OutgoingHttpHeaders,
  value: unknown,
): void {
  headers['Content-Type'] = 'application/json'
  answer(context, status, headers, Buffer.from(JSON.stringify(value)))
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
