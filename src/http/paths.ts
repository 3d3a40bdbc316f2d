import type { Context, Middleware } from './exchange.ts'

type Method = 'HEAD' | 'GET' | 'POST' | 'DELETE'
type Handler = (context: Context) => void | Promise<void>

/** What is at which path. Paths are taken as they stand: nothing in them varies. */
export class Paths {
  readonly #prefix: string
  readonly #handlers = new Map<string, Map<string, Handler>>()

  constructor(prefix = '') {
    this.#prefix = prefix
  }

  /** Answers HEAD too. */
  get(path: string, handler: Handler): void {
    this.#add('HEAD', path, handler)
    this.#add('GET', path, handler)
  }

  post(path: string, handler: Handler): void {
    this.#add('POST', path, handler)
  }

  delete(path: string, handler: Handler): void {
    this.#add('DELETE', path, handler)
  }

  /** Answers what it has; the rest goes on. */
  routes(): Middleware {
    return (context, next) => {
      const handler = this.#handlers.get(context.path)?.get(context.method)
      return handler ? handler(context) : next()
    }
  }

  /** Behind `routes`: 405 for other methods of its paths, and for OPTIONS what they take. */
  allowedMethods(): Middleware {
    return async (context, next) => {
      const handlers = this.#handlers.get(context.path)
      if (!handlers) {
        await next()
        return
      }
      context.status = context.method === 'OPTIONS' ? 200 : 405
      context.set('Allow', [...handlers.keys()].join(', '))
    }
  }

  #add(method: Method, path: string, handler: Handler): void {
    const at = `${this.#prefix}${path}`
    const handlers = this.#handlers.get(at) ?? new Map<string, Handler>()
    this.#handlers.set(at, handlers.set(method, handler))
  }
}
