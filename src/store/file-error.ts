import { errorCode } from '../util/error-code.ts'
import { StoreError } from './store-error.ts'

/** What the operating system refused, as a StoreError; `doing` says what was tried. */
export function fileError(doing: string, cause: unknown): StoreError {
  const code = errorCode(cause)
  const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : 'io'
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StoreError(kind, `cannot ${doing}: ${reason}`, { cause })
}

/** As fileError, for a file that is open; bytes that the disk does not give back are `corrupt`. */
export function readError(path: string, cause: Error): StoreError {
  if (errorCode(cause) !== 'EIO') return fileError(`read ${path}`, cause)
  return new StoreError('corrupt', `${path} cannot be read any more: ${cause.message}`, { cause })
}

/** Waits for a file operation and translates its failure. */
export async function fileResult<T>(doing: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (cause) {
    throw fileError(doing, cause)
  }
}

/** As fileResult, but a file that is not there is `undefined`. */
export async function fileResultIfPresent<T>(
  doing: string,
  operation: Promise<T>,
): Promise<T | undefined> {
  try {
    return await operation
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    throw fileError(doing, cause)
  }
}
