import type { OutgoingHttpHeaders } from 'node:http'
import type { Context } from './exchange.ts'

/** On every answer below `/v2`; old clients take it for the sign of a registry. */
export const API_VERSION = { 'Docker-Distribution-Api-Version': 'registry/2.0' }

/**
 * Sends a whole answer straight to the response: Koa's own way costs the hot path a third of its
 * rate. To a HEAD request the body is not sent, but its length is told.
 */
export function answer(
  context: Context,
  status: number,
  headers: OutgoingHttpHeaders,
  body: Uint8Array | string,
): void {
  const { res, state } = context
  context.respond = false
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  res.writeHead(status, { ...headers, 'Content-Length': length })
  state.exchange.firstByteAtMs = performance.now()
  if (context.method === 'HEAD') {
    res.end()
  } else {
    res.end(body, () => (state.exchange.bytes += length))
  }
}

/** Sends headers alone: of a HEAD whose body is not known here, or of a 304. */
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
  answer(
    context,
    status,
    { ...headers, 'Content-Type': 'application/json; charset=utf-8' },
    JSON.stringify(value),
  )
}
