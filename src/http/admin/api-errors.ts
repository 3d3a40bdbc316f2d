import type { ApiFault } from '../../admin-api.ts'
import { InventoryError } from '../../inventory/inventory-error.ts'
import { UpstreamError } from '../../oci/upstream-error.ts'
import { StoreError } from '../../store/store-error.ts'
import type { Events } from '../../telemetry/events.ts'
import { pathOf } from '../access-log.ts'
import { answerJson } from '../answer.ts'
import type { Context, Middleware } from '../exchange.ts'
import { ApiError } from './api-error.ts'

/** What the caller is told of an error. One that nobody foresaw is told to the log instead. */
export type Tell = (context: Context, error: unknown) => ApiError

export function tellWith(events: Events, isReady: () => boolean): Tell {
  return (context, error) => {
    context.state.exchange.error = error
    if (error instanceof ApiError) return error
    // Long work is ended with the daemon.
    if (!isReady()) return new ApiError('STOPPING', 'the daemon is stopping', { cause: error })
    if (error instanceof UpstreamError) {
      return new ApiError('UPSTREAM_FAILED', error.message, { cause: error })
    }
    events.requestFailed({ method: context.method, path: pathOf(context.req.url ?? ''), error })
    const isOurs = error instanceof StoreError || error instanceof InventoryError
    return new ApiError('FAILED', isOurs ? error.message : 'the daemon failed', { cause: error })
  }
}

/** The admin listener's errors become answers here: JSON with a code and a message. */
export function apiErrors(tell: Tell): Middleware {
  return async (context, next) => {
    try {
      await next()
    } catch (error) {
      if (context.req.socket.destroyed) return
      const told = tell(context, error)
      answerJson(context, told.status, {}, { error: faultOf(told) })
    }
  }
}

export function faultOf({ code, message }: ApiError): ApiFault {
  return { code, message }
}
