/** Stands in for a method; `run` does what the method does. */
type Step = (run: () => Promise<unknown>) => Promise<unknown>

/** Steps by method. */
export type Steps<T> = Partial<Record<keyof T, Step>>

/** The same object, with the test's step, where there is one, around each of its async methods. */
export function stepped<T extends object>(target: T, steps: Steps<T>): T {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        const run = () => Reflect.apply(member, target, args) as Promise<unknown>
        const step = steps[name as keyof T]
        return step ? step(run) : run()
      }
    },
  })
}
