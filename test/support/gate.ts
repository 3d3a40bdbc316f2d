import { abortable } from '../../src/util/abortable.ts'

/** A place where the code under test is held until the test lets it go on. */
export class Gate {
  readonly #opened = Promise.withResolvers<void>()
  readonly #reached = Promise.withResolvers<void>()

  /** Resolves when the first comes to the gate. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }

  async pass(signal?: AbortSignal): Promise<void> {
    this.#reached.resolve()
    await (signal ? abortable(this.#opened.promise, signal) : this.#opened.promise)
  }

  open(): void {
    this.#opened.resolve()
  }
}
