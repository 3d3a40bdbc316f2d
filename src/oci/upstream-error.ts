/**
 * unreachable  no connection, or it broke
 * timeout      no headers, or no progress, in time
 * server       a 5xx answer
 * rate-limited a 429 answer that is about the pulls of one user, or our own wait after one
 * abuse-limited a bare 429, which is about all requests from here, or our own wait after one
 * token        the token server could not be asked or did not answer properly
 * denied       401 or 403 with the credentials we have
 * invalid      an answer that breaks the protocol: wrong digest or length, unknown media type, too large
 * refused      we will not follow: a realm or redirect outside of what the upstream may name
 */
export type UpstreamErrorKind =
  | 'unreachable'
  | 'timeout'
  | 'server'
  | 'rate-limited'
  | 'abuse-limited'
  | 'token'
  | 'denied'
  | 'invalid'
  | 'refused'

export interface UpstreamErrorOptions extends ErrorOptions {
  /** Status of the answer, where there was one. */
  status?: number
  /** How long upstream asked us to wait. */
  retryAfterMs?: number
}

const TRANSIENT: ReadonlySet<UpstreamErrorKind> = new Set([
  'unreachable',
  'timeout',
  'server',
  'rate-limited',
  'abuse-limited',
  'token',
])

/** Why an upstream did not give what it was asked for. Absence is not an error. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  /** The registry's name, for example `docker.io`. */
  readonly upstream: string
  readonly kind: UpstreamErrorKind
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined

  constructor(
    upstream: string,
    kind: UpstreamErrorKind,
    message: string,
    options: UpstreamErrorOptions = {},
  ) {
    super(message, options)
    this.upstream = upstream
    this.kind = kind
    this.status = options.status
    this.retryAfterMs = options.retryAfterMs
  }

  /** We ask too much: upstream lives, and says so. */
  get isLimit(): boolean {
    return this.kind === 'rate-limited' || this.kind === 'abuse-limited'
  }

  /** The same question may be answered later, or by another endpoint; what is cached may be served. */
  get transient(): boolean {
    return TRANSIENT.has(this.kind)
  }
}
