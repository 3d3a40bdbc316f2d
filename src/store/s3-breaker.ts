import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { Circuit, type CircuitState, type Verdict } from '../util/circuit.ts'
import type { Clock } from '../util/clock.ts'

export interface S3BreakerOptions {
  clock: Clock
  changed: (state: CircuitState, cause: Error | undefined) => void
}

/** So many requests in a row, each tried as often as the SDK does. */
const FAILURES = 3
const PAUSE_MS = 1_000
/** S3 is found again so soon after it is back. */
const MAX_PAUSE_MS = 30_000

const HTTP_TOO_MANY_REQUESTS = 429
const HTTP_NOT_IMPLEMENTED = 501
const HTTP_INSUFFICIENT_STORAGE = 507

/** S3 was not asked, because it has not answered of late. */
export class S3UnaskedError extends Error {
  override readonly name = 'S3UnaskedError'
}

/**
 * Stops asking an S3 that is down: requests that fail in a row, retries included, open the
 * circuit, and then every request fails at once with S3UnaskedError. That S3 goes on answering 503
 * SlowDown counts as well, since leaving it alone is what it asks for; what it refuses to one
 * request does not, nor does a body that breaks off.
 */
export class S3Breaker {
  readonly #circuit: Circuit<Error>

  /** Has all requests of the client go through it from now on. */
  constructor(client: S3Client, { clock, changed }: S3BreakerOptions) {
    const circuit = new Circuit<Error>({
      clock,
      failures: FAILURES,
      pauseMs: PAUSE_MS,
      maxPauseMs: MAX_PAUSE_MS,
      refuse: (cause, leftMs) => {
        const waitS = Math.ceil(leftMs / 1000)
        return new S3UnaskedError(`it is not asked for ${waitS} s: ${cause.message}`, { cause })
      },
      changed,
    })
    this.#circuit = circuit
    // The SDK's first step, so that its retries lie inside.
    client.middlewareStack.add((next) => (args) => circuit.run(() => next(args), verdictOn), {
      step: 'initialize',
      name: 'breaker',
    })
  }

  get state(): CircuitState {
    return this.#circuit.state
  }
}

function verdictOn(error: unknown): Verdict<Error> {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'AbortError') return 'unknown'
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
  return status === undefined || isTrouble(status) ? error : 'alive'
}

function isTrouble(status: number): boolean {
  if (status === HTTP_TOO_MANY_REQUESTS) return true
  return status >= 500 && status !== HTTP_NOT_IMPLEMENTED && status !== HTTP_INSUFFICIENT_STORAGE
}
