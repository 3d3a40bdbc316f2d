/**
 * The status of every error code that can go over the wire: the codes of distribution-spec
 * (Error Codes), and those the spec leaves to the registry. Only this table names statuses.
 */
const STATUS_OF = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  TAG_INVALID: 400,
  ARTIFACT_TYPE_INVALID: 400,
  TOO_LARGE: 413,
  UPSTREAM_INVALID: 502,
  UNAVAILABLE: 503,
  UPSTREAM_TIMEOUT: 504,
  UNKNOWN: 500,
} as const satisfies Record<string, number>

export type ErrorCode = keyof typeof STATUS_OF

export interface RegistryErrorOptions extends ErrorOptions {
  detail?: unknown
  /** How long the client should wait before it asks again. */
  retryAfterMs?: number
  /** With UNSUPPORTED: the methods that the path takes. Left out where they are those of a pull. */
  allow?: readonly string[]
}

/** An error as a client of `/v2` sees it: one entry of the OCI error body. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: ErrorCode
  readonly detail: unknown
  readonly retryAfterMs: number | undefined
  readonly allow: readonly string[]

  constructor(code: ErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.detail = options.detail
    this.retryAfterMs = options.retryAfterMs
    this.allow = options.allow ?? ['GET', 'HEAD']
  }

  get status(): number {
    return STATUS_OF[this.code]
  }
}
