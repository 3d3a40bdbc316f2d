import type { Dispatcher } from 'undici'
import type { ByteReader } from '../util/byte-reader.ts'

/** Above this much unread the connection is paused, below half of it resumed. */
const HIGH_WATER_BYTES = 1024 * 1024

/** An unread rest this small is waited for, so that the connection can be used again. */
const DRAIN_BYTES = 64 * 1024

/**
 * The body of an answer, read at the reader's pace. Disposing it before its end closes the
 * connection, unless next to nothing is left.
 */
export class ResponseBody implements ByteReader {
  readonly #controller: Dispatcher.DispatchController
  readonly #declaredBytes: number | undefined
  readonly #signal: AbortSignal
  readonly #chunks: Buffer[] = []
  #queuedBytes = 0
  #receivedBytes = 0
  #state: 'open' | 'ended' | 'disposed' | { error: Error } = 'open'
  #wake: (() => void) | undefined

  /** @param declaredBytes What `Content-Length` promises. */
  constructor(
    controller: Dispatcher.DispatchController,
    declaredBytes: number | undefined,
    signal: AbortSignal,
  ) {
    this.#controller = controller
    this.#declaredBytes = declaredBytes
    this.#signal = signal
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#queuedBytes === 0 && this.#state === 'open') {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
    this.#signal.throwIfAborted()
    if (this.#state === 'disposed') throw new Error('the body is disposed')
    if (this.#queuedBytes > 0) return this.#take(into)
    if (typeof this.#state === 'object') throw this.#state.error
    return 0
  }

  push(chunk: Buffer): void {
    this.#receivedBytes += chunk.length
    if (this.#state !== 'open') return
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
    if (this.#queuedBytes > HIGH_WATER_BYTES) this.#controller.pause()
    this.#notify()
  }

  end(): void {
    this.#close('ended')
  }

  /** What was received before can still be read. */
  fail(error: Error): void {
    this.#close({ error })
  }

  [Symbol.asyncDispose](): Promise<void> {
    const isOpen = this.#state === 'open'
    this.#state = 'disposed'
    this.#chunks.length = 0
    this.#notify()
    if (isOpen) {
      const leftBytes = (this.#declaredBytes ?? Infinity) - this.#receivedBytes
      if (leftBytes <= DRAIN_BYTES) this.#controller.resume()
      else this.#controller.abort(new Error('the reader has left'))
    }
    return Promise.resolve()
  }

  #take(into: Uint8Array): number {
    let count = 0
    for (let chunk = this.#chunks[0]; chunk && count < into.length; chunk = this.#chunks[0]) {
      const part = chunk.subarray(0, into.length - count)
      into.set(part, count)
      count += part.length
      if (part.length === chunk.length) this.#chunks.shift()
      else this.#chunks[0] = chunk.subarray(part.length)
    }
    this.#queuedBytes -= count
    if (this.#controller.paused && this.#queuedBytes < HIGH_WATER_BYTES / 2) {
      this.#controller.resume()
    }
    return count
  }

  #close(state: 'ended' | { error: Error }): void {
    if (this.#state !== 'open') return
    this.#state = state
    this.#notify()
  }

  #notify(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
