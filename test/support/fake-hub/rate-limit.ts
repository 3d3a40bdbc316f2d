import type { Clock } from '../../../src/util/clock.ts'
import { errorAnswer, type Answer } from './answer.ts'

export interface RateLimitOptions {
  /** Manifest GETs in one window, for each account, and for all that are anonymous. */
  limit: number
  windowSeconds?: number
  /** Sent as `Retry-After` with the 429; left out where undefined. */
  retryAfterSeconds?: number
}

const PULL_LIMIT_MESSAGE =
  'You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit'

/** Docker Hub's pull limit: a GET of a manifest counts, a HEAD does not. */
export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #clock: Clock
  readonly #used = new Map<string, { count: number; sinceMs: number }>()

  constructor(options: RateLimitOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** Uses the limit up at once. */
  exhaust(source: string): void {
    this.#windowOf(source).count = this.#options.limit
  }

  /** Counts the request; gives the 429 when nothing is left, and the headers that go with any answer. */
  take(
    source: string,
    method: string,
  ): { headers: Record<string, string>; refusal: Answer | undefined } {
    const { limit, retryAfterSeconds } = this.#options
    const window = this.#windowOf(source)
    const isRefused = method === 'GET' && window.count >= limit
    if (method === 'GET' && !isRefused) window.count++
    const w = `;w=${this.#windowSeconds}`
    const headers = {
      'ratelimit-limit': `${limit}${w}`,
      'ratelimit-remaining': `${limit - window.count}${w}`,
      'docker-ratelimit-source': source === 'anonymous' ? '127.0.0.1' : source,
    }
    if (!isRefused) return { headers, refusal: undefined }
    const refusal = errorAnswer(429, 'TOOMANYREQUESTS', PULL_LIMIT_MESSAGE, {
      ...headers,
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    })
    return { headers, refusal }
  }

  get #windowSeconds(): number {
    return this.#options.windowSeconds ?? 21_600
  }

  #windowOf(source: string): { count: number; sinceMs: number } {
    const nowMs = this.#clock.now()
    let window = this.#used.get(source)
    if (!window || nowMs >= window.sinceMs + this.#windowSeconds * 1000) {
      window = { count: 0, sinceMs: nowMs }
      this.#used.set(source, window)
    }
    return window
  }
}
