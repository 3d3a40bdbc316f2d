import { UpstreamError, type UpstreamErrorKind } from '../oci/upstream-error.ts'
import { readAll } from '../util/byte-reader.ts'
import type { FollowedResponse } from './redirects.ts'
import { retryAfterMs } from './retry-after.ts'

const MAX_ERROR_BYTES = 64 * 1024

const MAX_MESSAGE_LENGTH = 300

/**
 * The error that an unwanted answer is, with what it says in its OCI error body. Reads and
 * disposes the body.
 */
export async function errorOfAnswer(
  upstream: string,
  response: FollowedResponse,
  nowMs: number,
): Promise<UpstreamError> {
  await using body = response.body
  // The status is the error; a body that cannot be read only leaves out the words.
  const said = await readAll(body, MAX_ERROR_BYTES).then(messageOf, () => undefined)
  const { status, url } = response
  const who = response.isRedirected ? `${url.host}, where ${upstream} redirects to,` : url.host
  const message = `${upstream}: ${who} answered ${status}${said ? `: ${said}` : ''}`
  const waitMs = retryAfterMs(response.headers, nowMs)
  return new UpstreamError(upstream, kindOf(response, said), message, {
    status,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  })
}

function kindOf(response: FollowedResponse, said: string | undefined): UpstreamErrorKind {
  const { status, isRedirected } = response
  if (status === 429) return isBare(response, said) ? 'abuse-limited' : 'rate-limited'
  if (status >= 500) return 'server'
  if (status === 408) return 'timeout'
  // What a CDN refuses is a link that has expired: a new one may do.
  if (isRedirected && status >= 400) return 'server'
  return status === 401 || status === 403 ? 'denied' : 'invalid'
}

/**
 * Docker Hub's limit of pulls answers with `ratelimit-*` headers and an OCI error, of which a HEAD
 * shows the type; its limit of all requests with neither. What a CDN refuses says nothing of the
 * registry.
 */
function isBare({ headers, isRedirected }: FollowedResponse, said: string | undefined): boolean {
  const isCounted = Object.keys(headers).some((name) => /^(x-)?ratelimit-/.test(name))
  const isOciError = said !== undefined || headers['content-type']?.includes('json')
  return !isRedirected && !isCounted && !isOciError
}

/** First line of the first error's message (distribution-spec, Error Codes). */
function messageOf(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes)
  const [line = ''] = (ociMessage(text) ?? '').trim().split(/[\r\n]/, 1)
  const printable = line.replaceAll(/\p{Cc}/gu, ' ').slice(0, MAX_MESSAGE_LENGTH)
  return printable || undefined
}

function ociMessage(text: string): string | undefined {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: unknown; message?: unknown }[] }
    const { message, code } = errors?.[0] ?? {}
    if (typeof message === 'string' && message) return message
    return typeof code === 'string' ? code : undefined
  } catch {
    // Not an OCI error body: a page of HTML says nothing that helps.
    return undefined
  }
}
