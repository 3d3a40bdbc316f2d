import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  context,
  type ContextManager,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
  TraceFlags,
} from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

/** Contexts as Node.js carries them. */
class AsyncContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }

  with<Arguments extends unknown[], Result>(
    active: Context,
    work: (...args: Arguments) => Result,
    self?: unknown,
    ...args: Arguments
  ): Result {
    return this.#storage.run(active, () => work.apply(self, args))
  }

  bind<Target>(_: Context, target: Target): Target {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    this.#storage.disable()
    return this
  }
}

/** What a client says of its trace, as far as it can be well said. */
const traceparent: TextMapPropagator<Record<string, string | undefined>> = {
  inject() {},
  extract(into, headers) {
    const [, traceId, spanId] = headers['traceparent']?.split('-') ?? []
    if (!traceId || !spanId) return into
    return trace.setSpanContext(into, { traceId, spanId, traceFlags: TraceFlags.SAMPLED })
  },
  fields: () => ['traceparent'],
}

/** The part of an SDK that a test needs: spans are kept in memory until it is disposed. */
export function startTracing(): Disposable & { spans: () => ReadableSpan[] } {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncContexts())
  propagation.setGlobalPropagator(traceparent)
  return {
    spans: () => exporter.getFinishedSpans(),
    [Symbol.dispose]() {
      trace.disable()
      context.disable()
      propagation.disable()
    },
  }
}
