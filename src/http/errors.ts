import type { OutgoingHttpHeaders } from 'node:http'
import { InventoryError } from '../inventory/inventory-error.ts'
import { UnsatisfiableRangeError } from '../oci/range.ts'
import { RegistryError, type ErrorCode } from '../oci/registry-error.ts'
import { UpstreamError, type UpstreamErrorKind } from '../oci/upstream-error.ts'
import type { Route } from '../policy/routes.ts'
import { StoreError } from '../store/store-error.ts'
import type { Events } from '../telemetry/events.ts'
import { pathOf } from './access-log.ts'
import { answerJson, API_VERSION } from './answer.ts'
import type { Middleware } from './exchange.ts'

/** What a client is told to wait where nobody has said how long. */
const DEFAULT_RETRY_AFTER_MS = 60_000

/** The one place where errors become answers; nothing of an error that nobody foresaw goes out. */
export function errors(events: Events): Middleware {
  return async (context, next) => {
    try {
      await next()
    } catch (error) {
      const { req, res } = context
      const { exchange } = context.state
      // Nobody is left to be told, and that they left is no failure.
      if (req.socket.destroyed) return
      exchange.error = error
      const translated = translate(error, exchange.route)
      const failed = { operation: `answer ${exchange.kind}`, digest: undefined, error }
      if (error instanceof StoreError) events.storeFailed(failed)
      if (error instanceof InventoryError) events.inventoryFailed(failed)
      if (translated.code === 'UNKNOWN') {
        events.requestFailed({ method: context.method, path: pathOf(req.url ?? ''), error })
      }
      if (res.headersSent) {
        context.respond = false
        res.destroy()
      } else {
        const headers = headersOf(translated, error, exchange.challenge)
        answerJson(context, translated.status, headers, bodyOf(translated))
      }
    }
  }
}

function translate(error: unknown, route: Route | undefined): RegistryError {
  if (error instanceof RegistryError) return error
  if (error instanceof UpstreamError) return translateUpstream(error, route)
  if (error instanceof StoreError || error instanceof InventoryError) {
    return new RegistryError('UNAVAILABLE', 'what is kept here cannot be reached at the moment', {
      cause: error,
    })
  }
  if (error instanceof UnsatisfiableRangeError) {
    return new RegistryError('RANGE_INVALID', error.message, { cause: error })
  }
  return new RegistryError('UNKNOWN', 'the mirror failed', { cause: error })
}

const UPSTREAM_ANSWERS = {
  unreachable: ['UNAVAILABLE', 'cannot be reached'],
  server: ['UNAVAILABLE', 'has a failure'],
  token: ['UNAVAILABLE', 'gives no token'],
  timeout: ['UPSTREAM_TIMEOUT', 'did not answer in time'],
  invalid: ['UPSTREAM_INVALID', 'answered wrongly'],
  refused: ['UPSTREAM_INVALID', 'pointed to where the mirror does not go'],
  denied: [
    'DENIED',
    'refused: the repository does not exist there, or the mirror has no credentials for it',
  ],
} as const satisfies Record<
  Exclude<UpstreamErrorKind, 'rate-limited' | 'abuse-limited'>,
  [ErrorCode, string]
>

function translateUpstream(error: UpstreamError, route: Route | undefined): RegistryError {
  const { upstream, kind, retryAfterMs } = error
  if (kind === 'rate-limited' || kind === 'abuse-limited') {
    // containerd answers a 429 with six requests in two milliseconds, and podman waits for
    // minutes; who has the origin behind us does better to go there at once.
    return new RegistryError(
      route?.hasOrigin === false ? 'TOOMANYREQUESTS' : 'UNAVAILABLE',
      `${upstream} limits how much this mirror may pull, and the limit is reached`,
      { cause: error, retryAfterMs: retryAfterMs ?? DEFAULT_RETRY_AFTER_MS },
    )
  }
  const [code, what] = UPSTREAM_ANSWERS[kind]
  return new RegistryError(code, `${upstream} ${what}`, {
    cause: error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

function headersOf(
  error: RegistryError,
  cause: unknown,
  challenge: string | undefined,
): OutgoingHttpHeaders {
  return {
    ...API_VERSION,
    ...(error.retryAfterMs !== undefined && {
      'Retry-After': Math.ceil(error.retryAfterMs / 1000),
    }),
    ...(error.code === 'UNAUTHORIZED' &&
      challenge !== undefined && { 'WWW-Authenticate': challenge }),
    ...(error.code === 'UNSUPPORTED' && { Allow: error.allow.join(', ') }),
    ...(cause instanceof UnsatisfiableRangeError && {
      'Content-Range': `bytes */${cause.sizeBytes}`,
    }),
  }
}

function bodyOf({ code, message, detail }: RegistryError): object {
  return { errors: [{ code, message, ...(detail !== undefined && { detail }) }] }
}
