import type { IncomingHttpHeaders } from 'node:http'

/** What `Retry-After` asks for, in seconds or as a date (RFC 9110 section 10.2.3). */
export function retryAfterMs(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const text = headers['retry-after']?.trim()
  if (!text) return undefined
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000
  // Date.parse alone takes nearly anything for a date.
  const atMs = /^[a-z]{3,9},? /i.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
