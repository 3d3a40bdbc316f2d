import type { Dispatcher } from 'undici'
import { ByteQueue } from '../util/byte-queue.ts'
import type { ByteReader } from '../util/byte-reader.ts'

/** Above this much unread the connection is paused, below half of it resumed. */
const HIGH_WATER_BYTES = 256 * 1024

/** An unread rest this small is waited for, so that the connection can be used again. */
const DRAIN_BYTES = 64 * 1024

interface Waiting {
  into: Uint8Array
  /** Called with how many bytes were put there; with none the state has changed. */
  wake: (count: number) => void
}

/**
 * The body of an answer, read at the reader's pace. Disposing it before its end closes the
 * connection, unless next to nothing is left.
 */
export class ResponseBody implements ByteReader {
  readonly #controller: Dispatcher.DispatchController
  readonly #declaredBytes: number | undefined
  readonly #signal: AbortSignal
  readonly #queue = new ByteQueue()
  #receivedBytes = 0
  #state: 'open' | 'ended' | 'disposed' | { error: Error } = 'open'
  #waiting: Waiting | undefined

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
    while (this.#queue.length === 0 && this.#state === 'open') {
      const count = await new Promise<number>((wake) => (this.#waiting = { into, wake }))
      if (count > 0) return count
    }
    this.#signal.throwIfAborted()
    if (this.#state === 'disposed') throw new Error('the body is disposed')
    if (this.#queue.length > 0) return this.#take(into)
    if (typeof this.#state === 'object') throw this.#state.error
    return 0
  }

  /** Copies what it needs of the chunk, whose memory is used again. */
  push(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.length
    if (this.#state !== 'open') return
    const waiting = this.#waiting
    if (!waiting) return this.#enqueue(chunk)
    this.#waiting = undefined
    const part = chunk.subarray(0, waiting.into.length)
    waiting.into.set(part)
    if (part.length < chunk.length) this.#enqueue(chunk.subarray(part.length))
    waiting.wake(part.length)
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
    this.#queue.clear()
    this.#notify()
    if (isOpen) {
      const leftBytes = (this.#declaredBytes ?? Infinity) - this.#receivedBytes
      if (leftBytes <= DRAIN_BYTES) this.#controller.resume()
      else this.#controller.abort(new Error('the reader has left'))
    }
    return Promise.resolve()
  }

  #enqueue(bytes: Uint8Array): void {
    this.#queue.push(bytes)
    if (this.#queue.length > HIGH_WATER_BYTES) this.#controller.pause()
  }

  #take(into: Uint8Array): number {
    const count = this.#queue.take(into)
    if (this.#controller.paused && this.#queue.length < HIGH_WATER_BYTES / 2) {
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
    this.#waiting?.wake(0)
    this.#waiting = undefined
  }
}
