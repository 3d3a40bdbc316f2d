import { createHash, timingSafeEqual } from 'node:crypto'
import type { Middleware } from '../exchange.ts'
import { ApiError } from './api-error.ts'

/** Lets in who sends `Authorization: Bearer` with the token; 401 for others. */
export function bearerGuard(token: string): Middleware {
  const expected = hash(token)
  return (context, next) => {
    const [, given] = /^Bearer +(\S+)$/i.exec(context.get('authorization')) ?? []
    if (given !== undefined && timingSafeEqual(hash(given), expected)) return next()
    context.res.setHeader('WWW-Authenticate', 'Bearer realm="entrepot admin"')
    throw new ApiError('UNAUTHORIZED', 'the admin token is needed')
  }
}

/** Equal lengths, whatever was given, so that comparing takes the same time. */
function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
