import { S3ServiceException } from '@aws-sdk/client-s3'
import { S3UnaskedError } from './s3-breaker.ts'
import { StoreError, type StoreErrorKind } from './store-error.ts'

const HTTP_INSUFFICIENT_STORAGE = 507
const FULL = new Set(['QuotaExceeded', 'XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded'])
const ABSENT = new Set(['NoSuchKey', 'NoSuchUpload', 'NotFound'])

/** What S3 refused, or why it could not be asked, as a StoreError; `doing` says what was tried. */
export function s3Error(doing: string, cause: unknown): StoreError {
  return new StoreError(kindOf(cause), `cannot ${doing}: ${reasonOf(cause)}`, { cause })
}

/** Waits for a request and translates its failure; one that the signal ended rejects with its reason. */
export async function s3Result<T>(
  doing: string,
  request: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await request
  } catch (cause) {
    signal?.throwIfAborted()
    throw s3Error(doing, cause)
  }
}

/** As s3Result, but an object or upload that is not there is `undefined`. */
export async function s3ResultIfPresent<T>(
  doing: string,
  request: Promise<T>,
): Promise<T | undefined> {
  try {
    return await request
  } catch (cause) {
    if (cause instanceof S3ServiceException && ABSENT.has(cause.name)) return undefined
    throw s3Error(doing, cause)
  }
}

/** A request without a body gets an error without one: then the status is all there is. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ')
  if (!(cause instanceof Error)) return String(cause)
  if (!(cause instanceof S3ServiceException)) return cause.message
  const status = cause.$metadata.httpStatusCode
  return `S3 answered ${status ?? 'no status'} ${cause.name}: ${cause.message}`
}

function kindOf(cause: unknown): StoreErrorKind {
  if (cause instanceof S3UnaskedError) return 'unasked'
  return isFull(cause) ? 'no-space' : 'io'
}

function isFull(cause: unknown): boolean {
  if (!(cause instanceof S3ServiceException)) return false
  return FULL.has(cause.name) || cause.$metadata.httpStatusCode === HTTP_INSUFFICIENT_STORAGE
}
