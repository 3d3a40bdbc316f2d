import { abortable } from '../../src/util/abortable.ts'

/** A call that was stopped on its way in. */
export interface Gate {
  /** Resolves once the call has come. */
  readonly reached: Promise<void>
  /** Lets the call go on. */
  release(): void
}

type Act = () => Promise<void>

/**
 * What goes wrong when: for each operation, by the number of the call, counted from 1 over the
 * whole life of the plan. Calls without a plan pass.
 */
export class FaultPlan<Operation extends string> {
  readonly #calls = new Map<Operation, number>()
  readonly #acts = new Map<string, Act>()
  readonly #always = new Map<Operation, Error>()

  /** How often the operation was called. */
  calls(operation: Operation): number {
    return this.#calls.get(operation) ?? 0
  }

  /** The `nth` call fails, and does nothing else. */
  fail(operation: Operation, nth: number, error: Error): void {
    this.#acts.set(`${operation} ${nth}`, () => Promise.reject(error))
  }

  /** Every call fails from now on. */
  failAlways(operation: Operation, error: Error): void {
    this.#always.set(operation, error)
  }

  /** No call fails any more, unless it is one that is planned by number. */
  recover(operation: Operation): void {
    this.#always.delete(operation)
  }

  /** The `nth` call waits before it does anything. */
  block(operation: Operation, nth: number): Gate {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    this.#acts.set(`${operation} ${nth}`, () => {
      reached.resolve()
      return released.promise
    })
    return { reached: reached.promise, release: () => released.resolve() }
  }

  /** Called by the wrappers: `call`, or what is planned for it. A call that is held can be aborted. */
  pass<T>(operation: Operation, call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const nth = this.calls(operation) + 1
    this.#calls.set(operation, nth)
    const error = this.#always.get(operation)
    if (error) return Promise.reject(error)
    const act = this.#acts.get(`${operation} ${nth}`)
    if (!act) return call()
    return (signal ? abortable(act(), signal) : act()).then(call)
  }
}
