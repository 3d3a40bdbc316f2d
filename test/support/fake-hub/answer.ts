import type { IncomingHttpHeaders } from 'node:http'

/** A request as the handlers see it. */
export interface HubRequest {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
}

export interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
  /** What content the answer is about, for the log. */
  digest?: string
}

export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(value)),
  }
}

export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  return jsonAnswer(status, { errors: [{ code, message }] }, headers)
}

/** The bytes, or those of them that `Range` names. */
export function contentAnswer(
  bytes: Buffer,
  range: string | undefined,
  headers: Record<string, string>,
): Answer {
  const base = { 'accept-ranges': 'bytes', ...headers }
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '')
  if (!match || (!match[1] && !match[2])) return { status: 200, headers: base, body: bytes }
  const [first, last] = match[1]
    ? [Number(match[1]), Math.min(Number(match[2] || Infinity), bytes.length - 1)]
    : [Math.max(0, bytes.length - Number(match[2])), bytes.length - 1]
  if (first > last) {
    const body = Buffer.from('range not satisfiable')
    return { status: 416, headers: { 'content-range': `bytes */${bytes.length}` }, body }
  }
  return {
    status: 206,
    headers: { ...base, 'content-range': `bytes ${first}-${last}/${bytes.length}` },
    body: bytes.subarray(first, last + 1),
  }
}
