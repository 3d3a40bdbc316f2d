/** What the admin API says went wrong, and the status that says the same. */
export const STATUS = {
  INVALID: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  TOO_LARGE: 413,
  UNSUPPORTED_TYPE: 415,
  FAILED: 500,
  UPSTREAM_FAILED: 502,
  STOPPING: 503,
} as const satisfies Record<string, number>

export type ApiErrorCode = keyof typeof STATUS

/** Why the admin API refuses or fails; the message goes to the caller. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode

  constructor(code: ApiErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  get status(): number {
    return STATUS[this.code]
  }
}
