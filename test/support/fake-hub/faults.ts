import type { ServerName } from './request-log.ts'

/**
 * What goes wrong. Byte positions count the bytes of the body that is sent, so of a range from
 * its first byte.
 *
 * answer         this instead of the real answer
 * headers        the real answer with headers replaced, or left out where undefined; without
 *                `content-length` a body goes out chunked
 * hang-up        the socket is destroyed before any answer
 * cut            the socket is destroyed after so many bytes
 * hold           the answer waits until the rule is released: before its headers, or at a byte
 * slow           at most so many bytes a second
 * latency        so much time before the answer
 * flip           one byte of the body is wrong
 * wrong-length   Content-Length is off by so many bytes
 * ignore-range   200 with everything
 * expired-token  401 as for a token that is not valid any more
 */
export type Fault =
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string | Buffer }
  | { kind: 'headers'; headers: Record<string, string | undefined> }
  | { kind: 'hang-up' }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'hold'; atByte?: number }
  | { kind: 'slow'; bytesPerSecond: number }
  | { kind: 'latency'; ms: number }
  | { kind: 'flip'; atByte: number }
  | { kind: 'wrong-length'; byBytes: number }
  | { kind: 'ignore-range' }
  | { kind: 'expired-token' }

export interface FaultMatch {
  server?: ServerName
  method?: string
  /** Matched against path and query. */
  path?: RegExp
  /** How many matching requests are let through first. */
  skip?: number
  /** How many are hit after that; all where left out. */
  times?: number
}

/** A fault in force. */
export class FaultRule {
  readonly fault: Fault
  /** How many requests it has hit. */
  hits = 0
  readonly #match: FaultMatch
  readonly #released = Promise.withResolvers<void>()
  readonly #arrivals: { count: number; resolve: () => void }[] = []
  #seen = 0
  #held = 0
  #isRemoved = false

  constructor(match: FaultMatch, fault: Fault) {
    this.#match = match
    this.fault = fault
  }

  /** True when the request is to be hit; counts it. */
  take(server: ServerName, method: string, path: string): boolean {
    const { skip = 0, times = Infinity } = this.#match
    if (this.#isRemoved || !this.#matches(server, method, path)) return false
    if (this.#seen++ < skip || this.hits >= times) return false
    this.hits++
    return true
  }

  /** No further request is hit, and those that are held go on. */
  remove(): void {
    this.#isRemoved = true
    this.release()
  }

  /** Lets held requests go on, those that come later too. */
  release(): void {
    this.#released.resolve()
  }

  /** Resolves as soon as so many requests have been held. */
  held(count = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#arrivals.push({ count, resolve })
    this.#announce()
    return promise
  }

  /** Called by the server: waits for the release. */
  hold(): Promise<void> {
    this.#held++
    this.#announce()
    return this.#released.promise
  }

  #announce(): void {
    for (const arrival of this.#arrivals) if (arrival.count <= this.#held) arrival.resolve()
  }

  #matches(server: ServerName, method: string, path: string): boolean {
    const match = this.#match
    if (match.server && match.server !== server) return false
    if (match.method && match.method !== method) return false
    return !match.path || match.path.test(path)
  }
}
